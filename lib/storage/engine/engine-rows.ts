import type { WaitKind, WaitState } from '../../core/run/wait-spec.js';
import type { RecordFacts } from '../../core/run/machine.js';
import type { DataRef } from '../../core/run/run-state.js';
import type * as port from '../../engine/ports/store.js';
import { leasedStart } from './claimed-row.js';

/** Rows of the engine's statements, and what the engine makes of them. */

export interface GroupRow {
  readonly kind: 'op' | 'ready' | 'gap' | 'leased';
  readonly id: string;
  readonly paused: boolean;
  readonly watched: boolean;
  readonly wake: boolean;
  readonly cancel: boolean;
}

type Acks = Map<string, port.Ack>;

export function groupResult(
  rows: readonly GroupRow[],
  { starts, offer }: Pick<port.CommitGroup, 'starts' | 'offer'>,
): port.GroupResult & { acks: Acks } {
  const acks: Acks = new Map();
  const idsOf = (kind: GroupRow['kind']): Set<string> =>
    new Set(rows.flatMap((row) => (row.kind === kind ? [row.id] : [])));
  const ready = idsOf('ready');
  for (const { kind, id, paused, watched, wake, cancel } of rows) {
    if (kind === 'op') acks.set(id, { taken: true, paused, watched, ready: ready.has(id), wake, cancel });
    else if (kind === 'gap') acks.set(id, { taken: false });
  }
  const leased = idsOf('leased');
  const claimed = starts.flatMap((start) => {
    const by = leased.has(start.id) ? offer?.definitions.find(({ id }) => id === start.definitionId) : undefined;
    return by === undefined ? [] : [leasedStart(start, by)];
  });
  return { acks, claimed, woken: [] };
}

export interface RecordRow extends Pick<
  port.ReadRecord,
  'seq' | 'round' | 'path' | 'visit' | 'attempt' | 'type' | 'status'
> {
  readonly facts: string | null;
  readonly output: string | null;
  readonly has_output: boolean;
  readonly error: string | null;
  readonly duration_ms: number;
  readonly retry_at: number | null;
}

export function journalRecord(row: RecordRow): port.JournalRecord {
  return {
    seq: row.seq,
    round: row.round,
    path: row.path,
    visit: row.visit,
    attempt: row.attempt,
    type: row.type,
    status: row.status,
    facts: row.facts === null ? null : (JSON.parse(row.facts) as RecordFacts),
    output: row.output,
    hasOutput: row.has_output,
    error: row.error,
    durationMs: row.duration_ms,
    retryAt: row.retry_at,
  };
}

export interface UndoRow {
  readonly seq: number;
  readonly path: string;
  readonly visit: number;
  readonly type: port.UndoRecord['type'];
  readonly status: 'completed' | 'failed';
  readonly input_seq: number;
  readonly input_item: number | null;
  readonly has_output: boolean;
  readonly final: boolean;
}

export function undoRecord({ input_seq, input_item, has_output, ...row }: UndoRow): port.UndoRecord {
  return { ...row, input: dataRef(input_seq, input_item), hasOutput: has_output };
}

function dataRef(seq: number, item: number | null): DataRef {
  return item === null ? seq : [seq, item];
}

export interface WaitRow {
  readonly run_id: string;
  /** Null: the run was looked at, and has nothing more than the rows before. */
  readonly id: string | null;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly key: string;
  readonly kind: WaitKind;
  readonly state: WaitState;
  readonly ended: number | null;
  readonly due_ms: number | null;
  readonly names: readonly string[];
  readonly child_id: string | null;
  readonly spec: string | null;
  readonly result: string | null;
  readonly events: port.TakenWait['events'] | null;
  readonly child_status: string | null;
  readonly child_data: string | null;
  readonly child_error: string | null;
  readonly child_workflow: string | null;
}

/** A row of those that a claim reads by the way. */
export type FoundRow = RecordRow | (WaitRow & { readonly id: string });

export type LeasedRead =
  | (RecordRow & { readonly what: 'record'; readonly row_id: string })
  | (WaitRow & { readonly what: 'wait' })
  | { readonly what: 'now'; readonly retry_at: number };

export function leasedReads(rows: readonly LeasedRead[]): port.LeasedRows {
  return {
    waits: takenWaits(rows.filter((row) => row.what === 'wait')),
    records: rows.flatMap((row) => (row.what === 'record' ? [{ rowId: row.row_id, ...journalRecord(row) }] : [])),
    now: rows.find((row) => row.what === 'now')?.retry_at ?? Number.NaN,
  };
}

export function takenWaits(rows: readonly WaitRow[]): Map<string, port.TakenWait[]> {
  const byRun = new Map<string, port.TakenWait[]>();
  for (const row of rows) {
    const list = byRun.get(row.run_id) ?? [];
    byRun.set(row.run_id, list);
    if (isWait(row)) list.push(takenWait(row));
  }
  return byRun;
}

function isWait(row: WaitRow): row is WaitRow & { readonly id: string } {
  return row.id !== null;
}

export function takenWait(row: WaitRow & { readonly id: string }): port.TakenWait {
  const child =
    row.child_id === null || row.child_status === null
      ? null
      : {
          workflow: row.child_workflow ?? '',
          status: row.child_status,
          data: row.child_data,
          error: row.child_error,
        };
  return {
    id: row.id,
    path: row.path,
    visit: row.visit,
    attempt: row.attempt,
    key: row.key,
    kind: row.kind,
    names: row.names,
    childId: row.child_id,
    dueAt: row.due_ms,
    spec: row.spec,
    state: row.state,
    ended: row.ended,
    result: row.result,
    events: row.events ?? [],
    child,
  };
}

export interface PulseRow {
  readonly ready_queues: string[];
  readonly next_due_in_ms: number | null;
  readonly next_schedule_in_ms: number | null;
  readonly unmatched: boolean;
  readonly states: port.PulseFindings['queueStates'];
  readonly blocked: boolean;
  readonly unfinished: boolean;
  readonly leased_elsewhere: boolean;
  readonly peers: port.WorkerPeer[];
  readonly suspects: boolean;
}

export function pulseFindings(row: PulseRow): port.PulseFindings {
  return {
    readyQueues: row.ready_queues,
    nextDueInMs: row.next_due_in_ms,
    nextScheduleInMs: row.next_schedule_in_ms,
    unmatched: row.unmatched,
    queueStates: row.states,
    blocked: row.blocked,
    unfinished: row.unfinished,
    leasedElsewhere: row.leased_elsewhere,
    peers: row.peers,
    suspects: row.suspects,
  };
}

/** What register-worker.sql takes. */
export function registrationValues(w: port.WorkerRegistration): unknown[] {
  return [
    w.host,
    w.pid,
    w.processKey,
    w.processStart,
    w.version,
    w.queues,
    // In one order, since the pulse compares those of two processes.
    w.definitions.toSorted((a, b) => a - b),
    w.sessionName,
    w.leaseMs,
    w.declarations,
    JSON.stringify(w.capacity),
    w.listening,
  ];
}

export interface SightingRow {
  readonly id: number;
  readonly pid: number;
  readonly process_key: string | null;
  readonly process_start: string | null;
  readonly seen_at: string;
  readonly expires_in_ms: number;
  readonly dead: boolean;
  readonly owes: boolean;
  readonly connected: boolean | null;
}

export function sighting(row: SightingRow): port.WorkerSighting {
  const { process_key, process_start, seen_at, expires_in_ms, ...rest } = row;
  return {
    ...rest,
    processKey: process_key,
    processStart: process_start,
    seenAt: seen_at,
    expiresInMs: expires_in_ms,
  };
}
