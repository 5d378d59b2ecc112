import { DefinitionChangedError } from '../../core/errors/errors.js';
import { decode } from '../../core/codec/codec.js';
import type { ForEachNode, WorkflowDefinition } from '../../core/definition/definition.js';
import { encodeName, findNode, nodePath, stepNameOf } from '../../core/definition/definition-path.js';
import type { InFlight } from '../../core/run/execution.js';
import type { Redaction } from '../../core/redact/redact.js';
import { retriesIn, type RetryPlace } from '../../core/run/retries.js';
import { applyRecord, type MachineRecord, type RecordFacts } from '../../core/run/machine.js';
import { initialState, type RunState } from '../../core/run/run-state.js';
import { type Standing, standingOf } from '../../core/standing/standing.js';
import type {
  ActFacts,
  AttemptFacts,
  AwayFacts,
  FailureFacts,
  LoopFacts,
  QueueFacts,
  RetryFacts,
  StandingFacts,
  UndoFacts,
  WaitFacts,
  WorkFacts,
} from '../../core/standing/facts.js';
import { type ExecutionStatus, isFinished } from '../../core/run/status.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { survey } from '../../core/run/survey.js';
import { type UndoRecord, undoList } from '../../core/run/undo-list.js';
import type { WaitKind, WaitSpec } from '../../core/run/wait-spec.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

interface StandingRow {
  readonly workflow: string;
  readonly status: ExecutionStatus;
  readonly pause_requested: boolean | null;
  readonly round: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
  readonly due_at: Date | null;
  readonly deadline_at: Date | null;
  readonly state: string | null;
  readonly error: string | null;
  readonly failed_step: string | null;
  readonly schedule_name: string | null;
  readonly snapshot: string | null;
  readonly definition: WorkflowDefinition | null;
  readonly seen_at: Date | null;
  readonly expires_at: Date | null;
  readonly steps: readonly StepRow[] | null;
  readonly act: ActFacts | null;
  readonly now: Date;
}

/** A step on another queue. */
interface StepRow {
  readonly id: string;
  readonly state: string;
  /** A HandedStep as JSON. */
  readonly step: string;
  /** ms */
  readonly due: number;
}

interface WaitRow {
  readonly path: string;
  readonly kind: WaitKind;
  readonly names: readonly string[];
  readonly created_at: Date;
  readonly due_at: Date | null;
  readonly spec: string | null;
  readonly child_id: string | null;
  readonly child_workflow: string | null;
  readonly came: readonly string[] | null;
  readonly total: number;
}

interface QueueRow {
  readonly queue: string;
  readonly workflow: string;
  readonly version: number;
  readonly limit_key: string | null;
  readonly concurrency: { readonly limit: number } | null;
  readonly paused: boolean;
  readonly rate_limit: number | null;
  readonly rate_period_ms: number | null;
  readonly pausing: ActFacts | null;
  readonly held: number;
  readonly places: number;
  readonly workers: number;
  readonly rate_used: number;
  readonly key_taken: number | null;
  readonly versions: readonly number[];
  readonly claimable: boolean;
  readonly ahead: number;
}

interface AttemptRow {
  readonly path: string;
  readonly attempt: number;
  readonly error: string;
}

type UndoRow = Omit<UndoRecord, 'input' | 'hasOutput'>;

interface RecordRow extends Pick<MachineRecord, 'seq' | 'path' | 'type' | 'visit' | 'attempt' | 'status'> {
  readonly has_output: boolean;
  readonly facts: string | null;
  readonly retry_at: number | null;
}

const MOST_RECORDS = 1_000;
/** Retries whose errors are looked up. */
const SHOWN_RETRIES = 20;

/** Reads for the standing of runs: one run, its queue and its workers. Nothing here locks or waits. */
export class PgStandingReads {
  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      readonly redact: Redaction;
      /** The attempts of a run that run now, as far as processes have said. */
      readonly inFlight: (id: string) => Promise<readonly InFlight[]>;
    },
  ) {}

  /** Null: there is no run of that id. */
  async explain(id: string): Promise<Standing | null> {
    const facts = await this.facts(id, true);
    return facts === null ? null : standingOf(facts);
  }

  private async facts(id: string, withChild: boolean): Promise<StandingFacts | null> {
    // The attempts before the row: one that ends in between leaves a run that goes on, not one that stands still.
    const inFlight = await this.options.inFlight(id);
    const [row] = await this.rows<StandingRow>('standing-run', [id]);
    if (row === undefined) return null;
    const { status, definition, now } = row;
    const finished = isFinished(status);
    const state = finished ? null : stateOf(row.snapshot);
    const steps = finished ? [] : (row.steps ?? []);
    const waits = finished ? { shown: [], more: 0 } : await this.waits(id, withChild);
    let attempts = finished ? [] : attemptsOf(inFlight, steps);
    if (status === 'running' && attempts.length === 0) attempts = await this.places(id, row, state, waits.shown);
    const fails = finished ? status !== 'completed' : status === 'compensating';
    return {
      now,
      workflow: row.workflow,
      status,
      pauseRequested: row.pause_requested === true,
      round: row.round,
      createdAt: row.created_at,
      startedAt: row.started_at,
      completedAt: row.completed_at,
      dueAt: row.due_at,
      deadlineAt: row.deadline_at,
      asleep: row.state === 'sleeping',
      error: await this.errorOf(id, row, state),
      scheduleName: row.schedule_name,
      definition,
      act: row.act,
      attempts,
      retries: finished ? [] : await this.retries(id, row, state, steps),
      waits: waits.shown,
      moreWaits: waits.more,
      away: attempts.length > 0 ? [] : await this.away(steps),
      loops: definition === null ? [] : await this.loops(id, row.round, definition, attempts),
      queue: row.state === 'ready' || row.state === 'blocked' ? await this.queue(id) : null,
      worker:
        row.seen_at === null || row.expires_at === null ? null : { seenAt: row.seen_at, expiresAt: row.expires_at },
      undo: fails && definition !== null ? await this.undo(id, row.round, definition) : null,
      failure: fails ? await this.failure(id, row, finished) : null,
      work: status === 'completed' ? await this.work(id) : null,
    };
  }

  /** Error by which it was paused or ended; of a run in rollback, or in a further round, that of its last failed record. */
  private async errorOf(id: string, row: StandingRow, state: RunState | null): Promise<StoredError | null> {
    if (row.error !== null) return this.shown(row.error);
    const by = state?.rollback?.by;
    if (row.status === 'compensating') {
      const [cause] = await this.rows<{ error: string }>('standing-rollback', [id, row.round, by ?? null]);
      return cause === undefined ? null : this.shown(cause.error);
    }
    if (row.round === 1 || row.state !== 'sleeping') return null;
    const last = await this.attempt(id, row.round - 1, null, null, true);
    return last === null ? null : this.shown(last.error);
  }

  /** Places at which a leased run can go on, by its records: its worker has published no attempt yet. */
  private async places(
    id: string,
    { round, definition, now }: StandingRow,
    suspended: RunState | null,
    waits: readonly WaitFacts[],
  ): Promise<AttemptFacts[]> {
    if (definition === null) return [];
    const records = await this.rows<RecordRow>('standing-records', [id, round]);
    if (records.length > MOST_RECORDS) return [];
    const waited = new Set(waits.map(({ path }) => path));
    try {
      const state = suspended ?? initialState(definition, round);
      for (const record of records) applyRecord(definition, state, machineRecord(record));
      const { ready } = survey(definition, state, {
        now: now.getTime(),
        running: new Set(),
        heldUntil: (path) => (waited.has(path) ? Infinity : 0),
      });
      return ready.map(({ node, path, state: { attempt } }) => ({ step: node.name, path, attempt, startedAt: null }));
    } catch {
      // The code has changed under the run: its worker says so.
      return [];
    }
  }

  private async retries(id: string, row: StandingRow, state: RunState | null, steps: readonly StepRow[]) {
    const places: RetryPlace[] = state === null || row.state === 'running' ? [] : retriesIn(state, row.now.getTime());
    for (const { state: of, step, due } of steps) {
      const { path, attempt } = handedOf(step);
      if (of === 'sleeping') places.push({ path, attempt, at: due });
    }
    const shown = places.toSorted((a, b) => a.at - b.at);
    const found: RetryFacts[] = [];
    for (const [index, { path, attempt, at }] of shown.entries()) {
      const last = index < SHOWN_RETRIES ? await this.attempt(id, row.round, path, null, false) : null;
      const error = last === null ? null : this.shown(last.error);
      found.push({ step: stepNameOf(path), path, attempt, at: new Date(at), error });
    }
    return found;
  }

  private async waits(id: string, withChild: boolean): Promise<{ shown: WaitFacts[]; more: number }> {
    const rows = await this.rows<WaitRow>('standing-waits', [id]);
    const child = rows.every((row) => row.kind === 'child') ? rows[0]?.child_id : undefined;
    const facts = withChild && child !== undefined && child !== null ? await this.facts(child, false) : null;
    const shown = rows.map((row, index) => ({
      step: stepNameOf(row.path),
      path: row.path,
      kind: row.kind,
      names: row.names,
      came: row.came ?? [],
      createdAt: row.created_at,
      dueAt: row.due_at,
      onTimeout: onTimeoutOf(row.spec),
      childId: row.child_id,
      childWorkflow: row.child_workflow,
      child: index === 0 ? facts : null,
    }));
    return { shown, more: (rows[0]?.total ?? 0) - rows.length };
  }

  private async away(steps: readonly StepRow[]): Promise<AwayFacts[]> {
    const waiting = steps.filter(({ state }) => state === 'ready' || state === 'blocked');
    const [first] = waiting;
    const queue = first === undefined ? null : await this.queue(first.id);
    if (queue === null) return [];
    return waiting.map(({ step, due }) => {
      const { path } = handedOf(step);
      return { step: stepNameOf(path), path, dueAt: new Date(due), queue };
    });
  }

  private async loops(
    id: string,
    round: number,
    definition: WorkflowDefinition,
    attempts: readonly AttemptFacts[],
  ): Promise<LoopFacts[]> {
    const paths = new Set(
      attempts.flatMap(({ path }) => (path.includes('[') ? [path.slice(0, path.lastIndexOf('['))] : [])),
    );
    const found: LoopFacts[] = [];
    // Of one: the sentence is about the attempt that runs longest.
    for (const path of [...paths].slice(0, 1)) {
      const node = findNode(definition, path);
      const last = node?.kind === 'forEach' ? lastOf(node) : '';
      const [row] = await this.rows<{ items: number; through: number; failed: number; last_minute: number }>(
        'standing-loop',
        [id, round, path, `]/${last}`],
      );
      if (row !== undefined) {
        found.push({ path, items: row.items, through: row.through, failed: row.failed, lastMinute: row.last_minute });
      }
    }
    return found;
  }

  private async queue(rowId: string): Promise<QueueFacts | null> {
    const [row] = await this.rows<QueueRow>('standing-queue', [rowId]);
    if (row === undefined) return null;
    const { rate_limit: limit, rate_period_ms: period, limit_key: key, concurrency } = row;
    return {
      name: row.queue,
      paused: row.paused ? (row.pausing ?? { actor: null, reason: null }) : null,
      held: row.held,
      places: row.places,
      workers: row.workers,
      rate: limit === null || period === null ? null : { limit, period, used: row.rate_used },
      key:
        key === null || concurrency === null
          ? null
          : { key: keyShown(key), limit: concurrency.limit, taken: row.key_taken ?? 0 },
      version: row.version,
      versions: row.versions,
      claimable: row.claimable,
      ahead: row.ahead,
    };
  }

  private async undo(id: string, round: number, definition: WorkflowDefinition): Promise<UndoFacts | null> {
    if (definition.compensations.length === 0) return null;
    const rows = await this.rows<UndoRow>('load-undo', [id, round]);
    const records = rows.map((row) => ({ ...row, input: 0, hasOutput: false }));
    const left = undoList(definition, records);
    const ended = records.filter(({ type, final }) => type === 'compensate' && final).toReversed();
    const undone = (status: string): string[] =>
      ended.filter((one) => one.status === status).map(({ path }) => stepNameOf(path.slice(0, path.lastIndexOf('~'))));
    return {
      done: undone('completed'),
      failed: undone('failed'),
      left: left instanceof DefinitionChangedError ? [] : left.map(({ step }) => step),
    };
  }

  private async failure(id: string, row: StandingRow, finished: boolean): Promise<FailureFacts> {
    const step =
      row.failed_step ?? (finished ? null : (stepOf(await this.attempt(id, row.round, null, null, true)) ?? null));
    const last = step === null ? null : await this.attempt(id, row.round, null, encodeName(step), true);
    if (!finished) return { step, attempts: last?.attempt ?? 1, others: null, retriedAs: null };
    const [found] = await this.rows<{ n: number; since: Date | null; retried_as: string | null }>('standing-failure', [
      id,
    ]);
    const { n = 0, since = null, retried_as = null } = found ?? {};
    const counts = row.status !== 'cancelled' && since !== null;
    return {
      step,
      attempts: last?.attempt ?? 1,
      others: counts ? { n: Math.min(n, 1_000), more: n > 1_000, since } : null,
      retriedAs: retried_as,
    };
  }

  private async work(id: string): Promise<WorkFacts> {
    const [row] = await this.rows<{
      ms: number;
      failed: number;
      failed_items: number;
      path: string | null;
      wait_ms: number | null;
    }>('standing-work', [id]);
    const longestWait =
      row === undefined || row.path === null || row.wait_ms === null
        ? null
        : { step: stepNameOf(row.path), ms: row.wait_ms };
    return { ms: row?.ms ?? 0, longestWait, failedAttempts: row?.failed ?? 0, failedItems: row?.failed_items ?? 0 };
  }

  private async attempt(
    id: string,
    round: number,
    path: string | null,
    name: string | null,
    final: boolean,
  ): Promise<AttemptRow | null> {
    return (await this.rows<AttemptRow>('standing-attempt', [id, round, path, name, final]))[0] ?? null;
  }

  private shown(error: string): StoredError {
    return this.options.redact.error(decode(error) as StoredError);
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.options.query<R>(sql(statement, this.options.schema), parameters);
  }
}

function machineRecord({ has_output, retry_at, facts, ...record }: RecordRow): MachineRecord {
  return {
    ...record,
    hasOutput: has_output,
    retryAt: retry_at,
    facts: facts === null ? null : (JSON.parse(facts) as RecordFacts),
  };
}

function stepOf(row: AttemptRow | null): string | null {
  return row === null ? null : stepNameOf(row.path);
}

/** As it was suspended; null: it never was, or another version of this package has written it. */
function stateOf(snapshot: string | null): RunState | null {
  if (snapshot === null) return null;
  try {
    const state = JSON.parse(snapshot) as Partial<RunState> | null;
    return typeof state?.root === 'object' && state.root !== null ? (state as RunState) : null;
  } catch {
    return null;
  }
}

/** Also steps on other queues that a worker has and has not told of yet. */
function attemptsOf(inFlight: readonly InFlight[], steps: readonly StepRow[]): AttemptFacts[] {
  const known: AttemptFacts[] = inFlight.map(({ step, path, attempt, startedAt }) => ({
    step,
    path,
    attempt,
    startedAt: new Date(startedAt),
  }));
  for (const { state, step } of steps) {
    if (state !== 'running') continue;
    const { path, attempt } = handedOf(step);
    if (known.some((one) => one.path === path)) continue;
    known.push({ step: stepNameOf(path), path, attempt, startedAt: null });
  }
  return known.toSorted((a, b) => (a.startedAt?.getTime() ?? Infinity) - (b.startedAt?.getTime() ?? Infinity));
}

function handedOf(step: string): { path: string; attempt: number } {
  const { path = '', attempt = 1 } = JSON.parse(step) as { path?: string; attempt?: number };
  return { path, attempt };
}

function lastOf({ arm }: ForEachNode): string {
  return nodePath('', arm.at(-1)?.name ?? '');
}

function onTimeoutOf(spec: string | null): WaitFacts['onTimeout'] {
  if (spec === null) return 'throws';
  const { onTimeout, ...rest } = decode(spec) as WaitSpec;
  return onTimeout === 'fail' ? 'fails' : 'timeoutValue' in rest ? 'value' : 'throws';
}

/** Of `workflow\n=key`; a long key is kept as a digest. */
function keyShown(limitKey: string): string | null {
  const text = limitKey.slice(limitKey.indexOf('\n') + 1);
  return text === '' ? null : text.slice(text.startsWith('=') ? 1 : 0);
}
