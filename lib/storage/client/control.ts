import type { NewRun } from '../../core/run/new-run.js';
import type { EntityManager } from 'typeorm';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { ExecutionNotFinishedError } from '../../core/errors/errors-client.js';
import { ExecutionFinishedError, ExecutionNotFoundError } from '../../core/errors/errors.js';
import type { RestartPoint } from '../../core/run/restart.js';
import { endDelays } from '../../core/run/retries.js';
import type { RunState } from '../../core/run/run-state.js';
import type { FinishedStatus } from '../../core/run/status.js';
import type { EndedTree } from '../../engine/ports/store.js';
import { cancelCause, cancelLocked, lockTrees } from '../engine/cancel-tree.js';
import { checkManager } from '../connection/manager-check.js';
import { changeOnce } from '../connection/once.js';
import { sql } from '../sql.js';
import { restartFrom, restartPoints, type RestartRequest, wasStartedAnew } from './restart.js';
import { isDelayed, isOneStatement, type StartedRun, startFresh, startRuns } from './starts.js';
import {
  laneOf,
  type Lender,
  onManager,
  type Query,
  queryOf,
  readsOf,
  withReconnect,
} from '../connection/transaction.js';

export { isDelayed } from './starts.js';
export type { StartedRun } from './starts.js';

export interface ControlOptions {
  readonly pool: Lender;
  readonly schema: string;
  /** Id of the set of tables: `manager`s of other databases are refused. */
  readonly instanceId: string;
  /** Hint to a queue's workers that a caller's transaction sends with pg_notify; null: they poll. */
  readonly hint: ((queue: string, later: boolean) => { channel: string; payload: string }) | null;
}

/** Effects of a cancel on the run and all below it. */
export interface CancelResult extends EndedTree {
  /** False: it had ended before, or was being undone. */
  readonly cancelled: boolean;
}

export interface PauseResult {
  /** False: it was paused already. */
  readonly changed: boolean;
  /** True: it is not leased, so it is paused now, not when its attempt is over. */
  readonly idle: boolean;
}

export interface ResumeResult {
  /** False: it was not paused. */
  readonly changed: boolean;
  /** Queues with something to claim now. */
  readonly queues: readonly string[];
  /** True: it goes on waiting. */
  readonly waits: boolean;
  /** True: a worker has it, and is to be told. */
  readonly leased: boolean;
}

interface ResumedRow {
  readonly queue: string;
  readonly ready: boolean;
  readonly waits: boolean;
  readonly leased: boolean;
}

/** A run that `retry` starts anew. */
export interface RetrySource {
  readonly workflow: string;
  readonly queue: string;
  readonly priority: number;
  readonly tags: Readonly<Record<string, string>> | null;
  /** Encoded. */
  readonly input: string;
  /** Due time of the schedule that started it, or the run that it does again. */
  readonly scheduleTime: Date | null;
}

/** Outcome of a run. */
export interface RunOutcome {
  readonly status: FinishedStatus;
  /** Encoded. */
  readonly data: string;
  /** Encoded StoredError. */
  readonly error: string | null;
}

export interface StoredDefinition {
  readonly id: number;
  readonly definition: WorkflowDefinition;
}

/**
 * Changes of runs by clients, beside the journal writer: starts that stand alone, cancel, pause and resume; and the
 * outcomes of runs. Where a connection breaks a method is tried again until its outcome is known, and takes effect
 * once (once.ts).
 */
export class PgControl {
  /** For what locks. */
  private readonly lane: Lender;
  private readonly laneQuery: Query;
  private readonly schema: string;
  /** Tried once: for who looks again by itself. */
  readonly query: Query;
  private readonly reads: Query;
  /** Definitions that are being read. */
  private readonly definitions = new Map<string, Promise<StoredDefinition | null>>();

  constructor(private readonly options: ControlOptions) {
    this.lane = laneOf(options.pool);
    this.laneQuery = queryOf(this.lane);
    this.schema = options.schema;
    this.query = queryOf(options.pool);
    this.reads = readsOf(options.pool);
  }

  /**
   * Starts a run with an id of the caller's (`hasOwnId`) or an idempotency key: of any number of callers with one key, one
   * run.
   * @throws ExecutionExistsError, IdempotencyConflictError
   */
  async startUnique(run: NewRun, hasOwnId: boolean): Promise<StartedRun> {
    if (hasOwnId) {
      const [started] = await this.startMany([run]);
      return started ?? { id: run.id, created: false };
    }
    const [started] = await withReconnect(() => startRuns(this.laneQuery, this.schema, [run]), nameOf(run));
    // Nobody else makes a run with an id that was made up here: it is there since an earlier try was committed.
    return { id: started?.id ?? run.id, created: started?.id === run.id };
  }

  /**
   * Starts all of them or none. With ids and keys of the caller's it is one transaction, else one statement.
   * @param hasOwnIds ids of the caller's may be among them. Default: true
   * @throws ExecutionExistsError, IdempotencyConflictError
   */
  startMany(runs: readonly NewRun[], hasOwnIds = true): Promise<StartedRun[]> {
    if (!hasOwnIds && isOneStatement(runs)) {
      const start = (again: boolean): Promise<StartedRun[]> => startFresh(this.laneQuery, this.schema, runs, again);
      return withReconnect(start);
    }
    const waitsFor = runs.length === 1 && runs[0] !== undefined ? nameOf(runs[0]) : 'an idempotency key or an id';
    return changeOnce(this.lane, this.schema, (query) => startRuns(query, this.schema, runs), waitsFor);
  }

  /**
   * Starts runs in the caller's transaction; the workers are told by its commit.
   * @throws ConfigurationError when the manager is on another database, or in no transaction
   */
  startWithin(manager: EntityManager, runs: readonly NewRun[]): Promise<StartedRun[]> {
    return onManager(() => this.startOn(manager, runs));
  }

  private async startOn(manager: EntityManager, runs: readonly NewRun[]): Promise<StartedRun[]> {
    await checkManager(manager, this.schema, this.options.instanceId);
    const query: Query = async (text, parameters) => manager.query(text, [...parameters]);
    const start = (): Promise<StartedRun[]> => startRuns(query, this.schema, runs);
    const started = await (runs.length === 1 ? start() : allOrNone(query, start));
    const { hint } = this.options;
    const created = runs.filter((_, at) => started[at]?.created === true);
    for (const later of hint === null ? [] : [false, true]) {
      // Both kinds of those with a time of their own: it may have come.
      const told = created.filter((run) => (later ? isDelayed(run) : run.delayMs === 0));
      const queues = new Set(told.map((run) => run.queue));
      for (const queue of queues) {
        const message = hint?.(queue, later);
        if (message !== undefined) await query('SELECT pg_notify($1, $2)', [message.channel, message.payload]);
      }
    }
    return started;
  }

  /**
   * Cancels a run with all that is below it, or with `compensate` asks them to undo what they did.
   * @throws ExecutionNotFoundError
   */
  cancel(id: string, reason: string | null, compensate = false): Promise<CancelResult> {
    const cause = cancelCause(reason);
    const work = async (query: Query): Promise<CancelResult> => {
      const tree = await lockTrees(query, this.schema, async () => ({ roots: [id] }));
      const done = await cancelLocked(query, this.schema, tree, cause, compensate ? 'compensate' : 'end');
      const cancelled = [...done.ended, ...done.undoing].some((run) => run.id === id);
      // Of a run that has ended or is being undone nothing was locked.
      if (!cancelled) await this.storedStatus(query, id);
      return { ...done, cancelled };
    };
    return changeOnce(this.lane, this.schema, work, `run ${id}, or a run below it,`);
  }

  /**
   * Lets nothing further start.
   * @throws ExecutionNotFoundError, ExecutionFinishedError
   */
  pause(id: string): Promise<PauseResult> {
    const work = async (query: Query): Promise<PauseResult> => {
      await this.lockUnfinished(query, id);
      const rows = await query<{ idle: boolean }>(sql('pause-run', this.schema), [id]);
      return { changed: rows.length > 0, idle: rows.some((row) => row.idle) };
    };
    return changeOnce(this.lane, this.schema, work, `run ${id}`);
  }

  /** @throws ExecutionNotFoundError, ExecutionFinishedError */
  resume(id: string): Promise<ResumeResult> {
    const work = async (query: Query): Promise<ResumeResult> => {
      await this.lockUnfinished(query, id);
      const rows = await query<ResumedRow>(sql('resume-run', this.schema), [id]);
      const queues = new Set(rows.filter((row) => row.ready).map((row) => row.queue));
      const [waits, leased] = [rows.some((row) => row.waits), rows.some((row) => row.leased)];
      return { changed: rows.length > 0, queues: [...queues], waits, leased };
    };
    return changeOnce(this.lane, this.schema, work, `run ${id}`);
  }

  /**
   * Ends the retry delays of a suspended run, and of its steps on other queues. A leased run ends its delays by
   * itself.
   * @returns where there is something to claim now; `changed` false: nothing of it sleeps for an attempt
   * @throws ExecutionNotFoundError, ExecutionFinishedError
   */
  retryNow(id: string): Promise<{ readonly changed: boolean; readonly queues: readonly string[] }> {
    const work = async (query: Query): Promise<{ changed: boolean; queues: string[] }> => {
      await this.lockUnfinished(query, id);
      const rows = await query<{ id: string; snapshot: string | null }>(sql('retry-delays', this.schema), [id]);
      if (rows.length === 0) return { changed: false, queues: [] };
      const snapshot = rows.find((row) => row.id === id)?.snapshot ?? null;
      const ids = rows.map((row) => row.id);
      const values = [id, ids, snapshot === null ? null : withoutDelays(snapshot)];
      const woken = await query<{ queue: string; ready: boolean }>(sql('end-retry-delay', this.schema), values);
      return { changed: true, queues: [...new Set(woken.filter((row) => row.ready).map((row) => row.queue))] };
    };
    return changeOnce(this.lane, this.schema, work, `run ${id}`);
  }

  /** @throws ExecutionNotFoundError, ExecutionNotFinishedError */
  async retrySource(id: string): Promise<RetrySource> {
    const [row] = await this.reads<RetrySource & { status: string }>(sql('retry-source', this.schema), [id]);
    if (row === undefined) throw new ExecutionNotFoundError(id);
    if (row.status === 'active') throw new ExecutionNotFinishedError(id, 'retry');
    return row;
  }

  /** Starts a run that is a retry of another one, unless there is one; true: it did. */
  startRetry(run: NewRun, retryOf: string): Promise<boolean> {
    const start = async (query: Query): Promise<boolean> => {
      if (await wasStartedAnew(query, this.schema, retryOf)) return false;
      await startRuns(query, this.schema, [run]);
      return true;
    };
    return changeOnce(this.lane, this.schema, start, `run ${retryOf}`);
  }

  /** Starts a run that takes over what another one recorded before a step: see restart.ts. */
  restartFrom(request: RestartRequest): Promise<{ queue: string; workflow: string } | null> {
    return restartFrom(this.lane, this.schema, request);
  }

  /** @throws ExecutionNotFoundError */
  restartPoints(runId: string): Promise<RestartPoint[]> {
    return restartPoints(this.reads, this.schema, runId);
  }

  /**
   * Asks for a hint at the ends of these runs. One whose row is locked at this moment is passed over.
   * @returns queues whose workers may have passed over a run because of it: to be told again
   */
  async watch(ids: readonly string[]): Promise<string[]> {
    const rows = await this.query<{ queue: string; ready: boolean }>(sql('watch-runs', this.schema), [ids]);
    return [...new Set(rows.filter((row) => row.ready).map((row) => row.queue))];
  }

  /** Outcomes of the runs; null: not ended. A run that does not exist is left out. */
  async outcomes(ids: readonly string[], query = this.reads): Promise<Map<string, RunOutcome | null>> {
    const rows = await query<{ id: string; status: string; data: string; error: string | null }>(
      sql('run-outcomes', this.schema),
      [ids],
    );
    return new Map(
      rows.map(({ id, status, data, error }) => [
        id,
        status === 'active' ? null : { status: status as FinishedStatus, data, error },
      ]),
    );
  }

  /**
   * The definition of a workflow whose class this process does not have; null: no process has ever had it. All who ask
   * at the same time share one query: hundreds of starts by name must not queue for the few connections.
   */
  definition(workflow: string): Promise<StoredDefinition | null> {
    let asked = this.definitions.get(workflow);
    if (asked === undefined) {
      asked = this.reads<StoredDefinition>(sql('find-definition', this.schema), [workflow])
        .then(([row]) => row ?? null)
        .finally(() => this.definitions.delete(workflow));
      this.definitions.set(workflow, asked);
    }
    return asked;
  }

  /** Names of all workflows that any process has ever had. */
  async workflowNames(): Promise<string[]> {
    return (await this.reads<{ name: string }>(sql('workflow-names', this.schema), [])).map((row) => row.name);
  }

  private async lockUnfinished(query: Query, id: string): Promise<void> {
    const [locked] = await query(sql('lock-run', this.schema), [id]);
    if (locked === undefined) throw new ExecutionFinishedError(id, await this.storedStatus(query, id));
  }

  /** Status of a run in history: 'active' until its end. */
  private async storedStatus(query: Query, id: string): Promise<string> {
    const [row] = await query<{ status: string }>(sql('run-status', this.schema), [id]);
    if (row === undefined) throw new ExecutionNotFoundError(id);
    return row.status;
  }
}

/** In a caller's transaction, which may go on after a refusal and commit what was inserted before it. */
async function allOrNone<T>(query: Query, work: () => Promise<T>): Promise<T> {
  await query('SAVEPOINT durable_starts', []);
  try {
    const result = await work();
    await query('RELEASE SAVEPOINT durable_starts', []);
    return result;
  } catch (error) {
    // Where the connection is gone, so is the transaction.
    await query('ROLLBACK TO SAVEPOINT durable_starts', []).catch(() => {});
    throw error;
  }
}

function withoutDelays(snapshot: string): string {
  const state = JSON.parse(snapshot) as RunState;
  endDelays(state);
  return JSON.stringify(state);
}

/** Name of a start in messages: by its key or id, which an open transaction may have used, so that the start waits for it. */
function nameOf({ workflow, idempotencyKey, id }: NewRun): string {
  return idempotencyKey === null ? `the id ${id}` : `the idempotency key "${idempotencyKey}" of workflow "${workflow}"`;
}
