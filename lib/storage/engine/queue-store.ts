import { createHash } from 'node:crypto';
import type { QueueState } from '../../engine/ports/store.js';
import type * as port from '../../engine/ports/queue-store.js';
import { type ClaimRow, claimedRow } from './claimed-row.js';
import { TRANSACTION_PLANNER } from '../connection/planner.js';
import { sql } from '../sql.js';
import { asStoreError } from './store-client.js';
import { inTransaction, type Lender, type Query, queryOf } from '../connection/transaction.js';

/** Rows of a limited workflow that one claim looks at, at most: those without a place are set aside. */
const LOOKED_AT = 200;
/** Keys that one look goes through at most: 10 us each. */
const PAGE_OF_KEYS = 1_000;

/** The server ends the transaction of a process that stands still in it (session-settings.ts); none waits longer than 2 s. */
const SETTINGS = `${TRANSACTION_PLANNER}; SET LOCAL lock_timeout = 2000`;

/**
 * Lets one claim at a time go on in each of the scopes, to the end of the transaction. Locks of the transaction and not
 * of the session, so that a transaction-mode pooler will do; in the order of their numbers, so that no two wait for each
 * other.
 */
const LOCKS = 'SELECT pg_advisory_xact_lock(scope) FROM unnest($1::bigint[]) AS scope';

/** The engine's store of queues in PostgreSQL. */
export class PgQueueStore implements port.QueueStore {
  private readonly query: Query;

  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
  ) {
    this.query = queryOf(pool);
  }

  queueStates(): Promise<QueueState[]> {
    return this.run('queue-states', []);
  }

  /** Of the queues that are named, and of those in which something is ready, those on which no living process works. */
  idleQueues(named: readonly string[]): Promise<{ queue: string; ready: boolean }[]> {
    return this.run('idle-queues', [named]);
  }

  async readyDefinitions(queue: string, definitions: readonly number[]): Promise<number[]> {
    return (await this.run<{ id: number }>('ready-definitions', [queue, definitions])).map(({ id }) => id);
  }

  claimLimited({ worker, queue, count, definitions }: port.LimitedClaim): Promise<port.LimitedClaims> {
    const workflows = new Set(definitions.flatMap((one) => (one.limit === null ? [] : [one.workflow])));
    const scopes = [`queue ${queue}`, ...[...workflows].map(workflowScope)];
    const json = JSON.stringify(
      definitions.map(({ id, runAs, timeout, limit }) => ({
        id,
        run_as: runAs,
        timeout,
        per_key: limit?.limit ?? null,
        whole: limit?.whole ?? false,
      })),
    );
    return this.locked(scopes, async (query) => {
      const parameters = [queue, json, count, worker, Math.max(LOOKED_AT, count)];
      const found = await query<LimitedRow>(sql('claim-limited', this.schema), parameters);
      const limits = found.find(({ kind }) => kind === 'limits');
      return {
        rows: found
          .filter(({ kind }) => kind === 'claimed')
          .map((row) => ({ ...claimedRow(row), limitKey: row.limit_key })),
        unkeyed: found.filter(({ kind }) => kind === 'unkeyed').map(claimedRow),
        blocked: limits?.blocked ?? 0,
        nextInMs: limits?.next_in_ms ?? null,
      };
    });
  }

  async setLimitKeys(keys: readonly { runId: string; limitKey: string }[]): Promise<void> {
    await this.run('set-limit-keys', [
      JSON.stringify(keys.map(({ runId, limitKey }) => ({ id: runId, limit_key: limitKey }))),
    ]);
  }

  async refuseUnkeyed(runId: string, error: string): Promise<void> {
    await this.run('refuse-unkeyed', [runId, error]);
  }

  async blockedKeys(
    workflows: readonly ({ workflow: string } & port.KeyLimit)[],
    after: string,
  ): Promise<{ free: string[]; last: string | null }> {
    const json = JSON.stringify(workflows.map(({ workflow, limit, whole }) => ({ workflow, per_key: limit, whole })));
    const rows = await this.run<{ limit_key: string; free: boolean }>('blocked-keys', [json, after, PAGE_OF_KEYS]);
    const last = rows.length < PAGE_OF_KEYS ? null : (rows.at(-1)?.limit_key ?? null);
    return { free: rows.filter(({ free }) => free).map((row) => row.limit_key), last };
  }

  async unblock(keys: readonly ({ limitKey: string } & port.KeyLimit)[]): Promise<string[]> {
    const json = JSON.stringify(
      keys.map(({ limitKey, limit, whole }) => ({ limit_key: limitKey, per_key: limit, whole })),
    );
    const scopes = new Set(keys.map(({ limitKey }) => workflowScope(limitKey.slice(0, limitKey.indexOf('\n')))));
    const rows = await this.locked([...scopes], (query) =>
      query<{ queue: string }>(sql('unblock', this.schema), [json]),
    );
    return [...new Set(rows.map(({ queue }) => queue))];
  }

  private async run<R extends object>(statement: string, parameters: readonly unknown[]): Promise<R[]> {
    try {
      return await this.query<R>(sql(statement, this.schema), parameters);
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /** One transaction at a time for each scope: locked in one statement, looked at in the next. */
  private async locked<T>(scopes: readonly string[], work: (query: Query) => Promise<T>): Promise<T> {
    const numbers = scopes.map((scope) => scopeNumber(this.schema, scope)).sort((a, b) => (a < b ? -1 : 1));
    try {
      return await inTransaction(
        this.pool,
        async (query) => {
          await query(LOCKS, [numbers.map(String)]);
          return work(query);
        },
        SETTINGS,
      );
    } catch (error) {
      throw asStoreError(error);
    }
  }
}

interface LimitedRow extends ClaimRow {
  readonly kind: 'claimed' | 'unkeyed' | 'limits';
  readonly limit_key: string | null;
  readonly blocked: number | null;
  readonly next_in_ms: number | null;
}

function workflowScope(workflow: string): string {
  return `workflow ${workflow}`;
}

/** Number of the lock: the schema is in it, since locks belong to the whole database. */
function scopeNumber(schema: string, scope: string): bigint {
  return createHash('sha256').update(`nest-durable limit ${schema} ${scope}`).digest().readBigInt64BE();
}
