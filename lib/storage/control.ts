import type pg from 'pg';
import type { EntityManager } from 'typeorm';
import { encode } from '../core/codec.js';
import type { WorkflowDefinition } from '../core/definition.js';
import { ExecutionNotFinishedError } from '../core/errors-client.js';
import { ConfigurationError, ExecutionFinishedError, ExecutionNotFoundError } from '../core/errors.js';
import type { FinishedStatus } from '../core/status.js';
import { sql } from './sql.js';
import { isDelayed, type NewRun, type StartedRun, startRuns } from './starts.js';
import { persist, type Query, queryOf, transaction } from './transaction.js';

export { isDelayed } from './starts.js';
export type { NewRun, StartedRun } from './starts.js';

export interface ControlOptions {
  readonly pool: pg.Pool;
  readonly schema: string;
  /** Id of the set of tables: `manager`s of other databases are refused. */
  readonly instanceId: string;
  /** What a caller's transaction sends with pg_notify to tell a queue's workers; null: they find out by polling. */
  readonly hint: ((queue: string, later: boolean) => { channel: string; payload: string }) | null;
}

export interface CancelResult {
  /** False: it had ended before. */
  readonly cancelled: boolean;
  /** A worker has it, or one of its steps, and should be told. */
  readonly held: boolean;
  /** Another process waits for its end. */
  readonly watched: boolean;
}

export interface ResumeResult {
  /** False: it was not paused. */
  readonly changed: boolean;
  /** Where there is something to claim now. */
  readonly queues: readonly string[];
}

/** What `retry` starts anew. */
export interface RetrySource {
  readonly workflow: string;
  readonly queue: string;
  readonly priority: number;
  readonly tags: Readonly<Record<string, string>> | null;
  /** Encoded. */
  readonly input: string;
}

/** How a run ended. */
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

/** DataSources that were seen to be on the right database, with the id of its tables. */
const checked = new WeakMap<object, string>();

/**
 * What a client does to runs, beside the journal writer: starts that stand alone, cancel, pause and resume, and the
 * look at how runs ended. Every verb may be repeated: where a connection breaks it is tried again until its outcome is
 * known.
 */
export class PgControl {
  private readonly pool: pg.Pool;
  private readonly schema: string;
  private readonly query: Query;
  /** Definitions that are being read. */
  private readonly definitions = new Map<string, Promise<StoredDefinition | null>>();

  constructor(private readonly options: ControlOptions) {
    this.pool = options.pool;
    this.schema = options.schema;
    this.query = queryOf(options.pool);
  }

  /**
   * Starts a run with an id of the caller's or an idempotency key: of any number of callers with one key, one run.
   * @throws ExecutionExistsError, IdempotencyConflictError
   */
  async startUnique(run: NewRun): Promise<StartedRun> {
    const [started] = await persist((unsure) => startRuns(this.query, this.schema, [run], unsure));
    return started ?? { id: run.id, created: false };
  }

  /**
   * Starts all of them or none, in one transaction.
   * @throws ExecutionExistsError, IdempotencyConflictError
   */
  startMany(runs: readonly NewRun[]): Promise<StartedRun[]> {
    return transaction(this.pool, (query, unsure) => startRuns(query, this.schema, runs, unsure));
  }

  /**
   * Starts runs in the caller's transaction; the workers are told by its commit.
   * @throws ConfigurationError when the manager is on another database, or in no transaction
   */
  async startWithin(manager: EntityManager, runs: readonly NewRun[]): Promise<StartedRun[]> {
    await this.checkManager(manager);
    const query: Query = async (text, parameters) => manager.query(text, [...parameters]);
    const started = await startRuns(query, this.schema, runs);
    const { hint } = this.options;
    const created = runs.filter((_, at) => started[at]?.created === true);
    for (const later of hint === null ? [] : [false, true]) {
      const queues = new Set(created.filter((run) => isDelayed(run) === later).map((run) => run.queue));
      for (const queue of queues) {
        const told = hint?.(queue, later);
        if (told !== undefined) await query('SELECT pg_notify($1, $2)', [told.channel, told.payload]);
      }
    }
    return started;
  }

  /** @throws ExecutionNotFoundError */
  cancel(id: string, reason: string | null): Promise<CancelResult> {
    const error = encode({
      name: 'WorkflowCancelledError',
      code: 'WORKFLOW_CANCELLED',
      message: reason ?? 'The execution was cancelled.',
      reason,
    });
    return transaction(this.pool, async (query, unsure) => {
      const [locked] = await query(sql('lock-run', this.schema), [id]);
      if (locked === undefined) {
        await this.finishedStatus(query, id);
        const [outcome] = unsure ? await this.outcomes([id], query) : [];
        // The try that broke off has done it, as far as anyone can tell.
        const cancelled = outcome?.[1]?.status === 'cancelled' && outcome[1].error === error;
        return { cancelled, held: cancelled, watched: cancelled };
      }
      const rows = await query<{ held: boolean; watched: boolean }>(sql('cancel-run', this.schema), [id, error]);
      return { cancelled: true, held: rows[0]?.held === true, watched: rows[0]?.watched === true };
    });
  }

  /**
   * Whether it was not paused before.
   * @throws ExecutionNotFoundError, ExecutionFinishedError
   */
  pause(id: string): Promise<boolean> {
    return transaction(this.pool, async (query) => {
      await this.lockUnfinished(query, id);
      return (await query(sql('pause-run', this.schema), [id])).length > 0;
    });
  }

  /** @throws ExecutionNotFoundError, ExecutionFinishedError */
  resume(id: string): Promise<ResumeResult> {
    return transaction(this.pool, async (query) => {
      await this.lockUnfinished(query, id);
      const rows = await query<{ queue: string; ready: boolean }>(sql('resume-run', this.schema), [id]);
      const queues = new Set(rows.filter((row) => row.ready).map((row) => row.queue));
      return { changed: rows.length > 0, queues: [...queues] };
    });
  }

  /** @throws ExecutionNotFoundError, ExecutionNotFinishedError */
  async retrySource(id: string): Promise<RetrySource> {
    const [row] = await this.query<RetrySource & { status: string }>(sql('retry-source', this.schema), [id]);
    if (row === undefined) throw new ExecutionNotFoundError(id);
    if (row.status === 'active') throw new ExecutionNotFinishedError(id, 'retry');
    return row;
  }

  /**
   * Asks for a hint at the ends of these runs. One whose row is locked at this moment is passed over.
   * @returns queues whose workers may have passed over a run because of it: to be told again
   */
  async watch(ids: readonly string[]): Promise<string[]> {
    const rows = await this.query<{ queue: string; ready: boolean }>(sql('watch-runs', this.schema), [ids]);
    return [...new Set(rows.filter((row) => row.ready).map((row) => row.queue))];
  }

  /** How the runs ended; null: it has not. One that does not exist is left out. */
  async outcomes(ids: readonly string[], query = this.query): Promise<Map<string, RunOutcome | null>> {
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
      asked = this.query<StoredDefinition>(sql('find-definition', this.schema), [workflow])
        .then(([row]) => row ?? null)
        .finally(() => this.definitions.delete(workflow));
      this.definitions.set(workflow, asked);
    }
    return asked;
  }

  /** Names of all workflows that any process has ever had. */
  async workflowNames(): Promise<string[]> {
    return (await this.query<{ name: string }>(sql('workflow-names', this.schema), [])).map((row) => row.name);
  }

  private async lockUnfinished(query: Query, id: string): Promise<void> {
    const [locked] = await query(sql('lock-run', this.schema), [id]);
    if (locked === undefined) throw new ExecutionFinishedError(id, await this.finishedStatus(query, id));
  }

  /** Status of a run that has no row in the queue. */
  private async finishedStatus(query: Query, id: string): Promise<string> {
    const [row] = await query<{ status: string }>(sql('run-status', this.schema), [id]);
    if (row === undefined) throw new ExecutionNotFoundError(id);
    return row.status;
  }

  private async checkManager(manager: EntityManager): Promise<void> {
    if (manager.queryRunner?.isTransactionActive !== true) {
      throw refusedManager('expected the EntityManager of an open transaction, as dataSource.transaction() gives it');
    }
    const { connection, queryRunner } = manager;
    if (!['postgres', 'aurora-postgres'].includes(connection.options.type)) {
      throw refusedManager(`expected an EntityManager of PostgreSQL, got one of ${connection.options.type}`);
    }
    if (checked.get(connection) === this.options.instanceId) return;
    // A missing table would be an error of the server's, which ends the caller's transaction.
    const [found] = (await queryRunner.query(`SELECT to_regclass($1) IS NOT NULL AS here`, [
      `${this.schema}.instance`,
    ])) as { here: boolean }[];
    const rows = (found?.here === true ? await queryRunner.query(sql('instance', this.schema)) : []) as {
      id: string;
    }[];
    if (rows[0]?.id !== this.options.instanceId) {
      throw refusedManager(
        `expected an EntityManager on the database of this engine (schema "${this.schema}"), got one on another: ` +
          'a run started there could not commit together with it',
      );
    }
    checked.set(connection, this.options.instanceId);
  }
}

function refusedManager(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'manager', message }]);
}
