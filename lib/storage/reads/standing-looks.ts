import type { Redaction } from '../../core/redact/redact.js';
import type { Query } from '../connection/transaction.js';
import { DefinitionChangedError } from '../../core/errors/errors.js';
import { decode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { loopPlaces, NO_PLACES } from '../../core/definition/loop-places.js';
import { encodeName, findNode, stepNameOf } from '../../core/definition/definition-path.js';
import type { InFlight } from '../../core/run/execution.js';
import { retriesIn, type RetryPlace } from '../../core/run/retries.js';
import { applyRecord } from '../../core/run/machine.js';
import { initialState, type RunState } from '../../core/run/run-state.js';
import type {
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
import { isFinished } from '../../core/run/status.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { survey } from '../../core/run/survey.js';
import { undoList } from '../../core/run/undo-list.js';
import { Batched, BatchedQuery } from './batched.js';
import {
  type StandingRow,
  type StepRow,
  type WaitRow,
  type QueueRow,
  type AttemptRow,
  type FailureRow,
  type UndoRow,
  type RecordRow,
  MOST_RECORDS,
  SHOWN_RETRIES,
  machineRecord,
  stepOf,
  stateOf,
  attemptsOf,
  remoteStepOf,
  type LoopRow,
  type WorkRow,
  progressOf,
  workOf,
  onTimeoutOf,
  keyOf,
} from './standing-rows.js';

export interface StandingOptions {
  readonly query: Query;
  readonly schema: string;
  readonly redact: Redaction;
  /** The attempts of runs that run now, as far as processes have said. */
  readonly inFlight: (ids: readonly string[]) => Promise<readonly InFlight[]>;
}

/** One look at some runs, and at the children that they wait for. */
export class StandingLooks {
  private readonly batched: BatchedQuery;
  private readonly childAttempts: Batched<string, readonly InFlight[]>;

  constructor(
    private readonly options: StandingOptions,
    private readonly inFlight: ReadonlyMap<string, readonly InFlight[]>,
  ) {
    this.batched = new BatchedQuery(options.query, options.schema);
    this.childAttempts = new Batched(async (ids) => {
      const found = byRun(await options.inFlight([...new Set(ids)]));
      return ids.map((id) => found.get(id) ?? []);
    });
  }

  /** @param withChild and of the child that it waits for; null: there is no such run */
  async facts(id: string, withChild = true): Promise<StandingFacts | null> {
    const inFlight = withChild ? (this.inFlight.get(id) ?? []) : await this.childAttempts.ask(id);
    const [row] = await this.rows<StandingRow>('standing-run', { id });
    if (row === undefined) return null;
    const { status, definition, now } = row;
    const finished = isFinished(status);
    const state = finished ? null : stateOf(row.snapshot);
    const steps = finished ? [] : (row.steps ?? []);
    const waits = finished ? { shown: [], more: 0 } : await this.waits(id, withChild);
    let attempts = finished ? [] : attemptsOf(inFlight, row.state === 'running', steps);
    if (status === 'running' && attempts.length === 0) attempts = await this.places(id, row, state, waits.shown);
    const fails = finished ? status !== 'completed' : status === 'compensating';
    const undoes = fails || (status === 'paused' && state !== null && state.rollback !== null);
    const ready = row.state === 'ready' || row.state === 'blocked';
    const [error, retries, away, loops, queue, undo, failure, work] = await Promise.all([
      this.errorOf(id, row, state),
      finished ? [] : this.retries(id, row, state, steps),
      attempts.length > 0 ? [] : this.away(steps),
      definition === null ? [] : this.loops(id, row.round, definition, attempts),
      ready ? this.queue(id) : null,
      undoes && definition !== null ? this.undo(id, row.round, definition) : null,
      fails ? this.failure(id, row, finished) : null,
      status === 'completed' ? this.work(id) : null,
    ]);
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
      error,
      scheduleName: row.schedule_name,
      definition,
      act: row.act,
      toBeUndone: row.to_be_undone === true,
      cancel: row.cancelling,
      inVain: row.in_vain === null ? null : { ...row.in_vain, at: new Date(row.in_vain.at) },
      attempts,
      retries,
      waits: waits.shown,
      moreWaits: waits.more,
      away,
      loops,
      queue,
      worker:
        row.seen_at === null || row.expires_at === null ? null : { seenAt: row.seen_at, expiresAt: row.expires_at },
      undo,
      failure,
      work,
    };
  }

  /** Error by which it was paused or ended; of a run in rollback, or in a further round, that of its last failed record. */
  private async errorOf(id: string, row: StandingRow, state: RunState | null): Promise<StoredError | null> {
    if (row.error !== null) return this.shown(row.error);
    const by = state?.rollback?.by;
    if (row.status === 'compensating') {
      const [cause] = await this.rows<{ error: string }>('standing-rollback', {
        id,
        round: row.round,
        began: by ?? null,
      });
      return cause === undefined ? null : this.shown(cause.error);
    }
    // What failed an earlier round is not why somebody has paused this one.
    if (row.round === 1 || row.state !== 'sleeping' || row.status === 'paused') return null;
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
    const records = await this.rows<RecordRow>('standing-records', { id, round });
    if (records.length > MOST_RECORDS) return [];
    const waited = new Set(waits.map(({ path }) => path));
    try {
      const state = suspended ?? initialState(definition, round);
      for (const record of records) applyRecord(definition, state, machineRecord(record));
      const { ready } = survey(definition, state, {
        now: now.getTime(),
        running: new Map(),
        waitsUntil: (path) => (waited.has(path) ? Infinity : 0),
      });
      return ready.map(({ node, path, state: { attempt } }) => ({ step: node.name, path, attempt, startedAt: null }));
    } catch {
      // The code has changed under the run: its worker says so.
      return [];
    }
  }

  private async retries(
    id: string,
    row: StandingRow,
    state: RunState | null,
    steps: readonly StepRow[],
  ): Promise<RetryFacts[]> {
    const places: RetryPlace[] = state === null || row.state === 'running' ? [] : retriesIn(state, row.now.getTime());
    for (const { state: of, step, due } of steps) {
      const { path, attempt } = remoteStepOf(step);
      if (of === 'sleeping') places.push({ path, attempt, at: due });
    }
    const shown = places.toSorted((a, b) => a.at - b.at);
    return Promise.all(
      shown.map(async ({ path, attempt, at }, index): Promise<RetryFacts> => {
        const last = index < SHOWN_RETRIES ? await this.attempt(id, row.round, path, null, false) : null;
        const error = last === null ? null : this.shown(last.error);
        return { step: stepNameOf(path), path, attempt, at: new Date(at), error };
      }),
    );
  }

  private async waits(id: string, withChild: boolean): Promise<{ shown: WaitFacts[]; more: number }> {
    const rows = await this.rows<WaitRow>('standing-waits', { id });
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
      const { path } = remoteStepOf(step);
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
      const places = node?.kind === 'forEach' ? loopPlaces(node) : NO_PLACES;
      const [row] = await this.rows<LoopRow>('standing-loop', { id, round, path, places });
      if (row !== undefined) found.push(progressOf(path, row));
    }
    return found;
  }

  private async queue(rowId: string): Promise<QueueFacts | null> {
    const [row] = await this.rows<QueueRow>('standing-queue', { id: rowId });
    if (row === undefined) return null;
    const { rate_limit: limit, rate_period_ms: period, rate_used: used, rate_free_at: freeAt } = row;
    return {
      name: row.queue,
      paused: row.paused ? (row.pausing ?? { actor: null, reason: null }) : null,
      leased: row.leased,
      places: row.places,
      workers: row.workers,
      rate: limit === null || period === null ? null : { limit, period, used, freeAt },
      key: keyOf(row),
      version: row.version,
      versions: row.versions,
      claimable: row.claimable,
      ahead: row.ahead,
    };
  }

  private async undo(id: string, round: number, definition: WorkflowDefinition): Promise<UndoFacts | null> {
    if (definition.compensations.length === 0) return null;
    const rows = await this.rows<UndoRow>('standing-undo', { id, round });
    const records = rows.map((row) => ({ ...row, input: 0, hasOutput: false }));
    const left = undoList(definition, records, []);
    const ended = records.filter(({ type, final }) => type === 'compensate' && final).toReversed();
    const undone = (status: string): string[] =>
      ended.filter((one) => one.status === status).map(({ path }) => stepNameOf(path.slice(0, path.lastIndexOf('~'))));
    return {
      cut: rows[0]?.cut === true,
      done: undone('completed'),
      failed: undone('failed'),
      left: left instanceof DefinitionChangedError ? [] : left.map(({ step }) => step),
    };
  }

  private async failure(id: string, row: StandingRow, finished: boolean): Promise<FailureFacts> {
    const step =
      row.failed_step ?? (finished ? null : (stepOf(await this.attempt(id, row.round, null, null, true)) ?? null));
    const last = step === null ? null : await this.attempt(id, row.round, null, encodeName(step), true);
    if (!finished) return { step, attempts: last?.attempt ?? null, others: null, retriedAs: null };
    const [found] = await this.rows<FailureRow>('standing-failure', { id });
    const { others: n = 0, more = false, since = null, retried_as = null } = found ?? {};
    const counts = row.status !== 'cancelled' && since !== null;
    return {
      step,
      attempts: last?.attempt ?? null,
      others: counts ? { n: Math.min(n, 1_000), more, since } : null,
      retriedAs: retried_as,
    };
  }

  private async work(id: string): Promise<WorkFacts> {
    return workOf((await this.rows<WorkRow>('standing-work', { id }))[0]);
  }

  private async attempt(
    id: string,
    round: number,
    path: string | null,
    name: string | null,
    final: boolean,
  ): Promise<AttemptRow | null> {
    return (await this.rows<AttemptRow>('standing-attempt', { id, round, path, name, final }))[0] ?? null;
  }

  private shown(error: string): StoredError {
    return this.options.redact.error(decode(error) as StoredError);
  }

  private rows<R extends object>(statement: string, call: Readonly<Record<string, unknown>>): Promise<R[]> {
    return this.batched.rows<R>(statement, call);
  }
}

export function byRun(attempts: readonly InFlight[]): Map<string, InFlight[]> {
  const found = new Map<string, InFlight[]>();
  for (const attempt of attempts) {
    const known = found.get(attempt.runId);
    if (known === undefined) found.set(attempt.runId, [attempt]);
    else known.push(attempt);
  }
  return found;
}
