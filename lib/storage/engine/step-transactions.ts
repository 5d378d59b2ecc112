import type { DataSource, EntityManager } from 'typeorm';
import { textOf } from '../../core/text-of.js';
import type * as port from '../../engine/ports/store.js';
import { StoreError } from '../../engine/ports/store.js';
import {
  isConnectionError,
  isQueryTimeout,
  isReadOnly,
  isRejectedByServer,
  isRetryableRejection,
  isScarcity,
  needsFreshSession,
  serverAnswer,
} from '../connection/connection-errors.js';
import { commitExtras } from './commits.js';
import { recordsJson } from './op-json.js';
import { PoolWatch } from '../connection/pool-watch.js';
import { sql } from '../sql.js';
import { asStoreError } from './store-client.js';
import type { Query } from '../connection/transaction.js';
import { watchTransaction } from '../connection/transaction-watch.js';
import { TransactionGate } from './transaction-gate.js';

export interface StepTransactionsOptions {
  readonly schema: string;
  /** The app's DataSource. */
  readonly dataSource: DataSource;
  /** Transactional steps that this process may run at a time. */
  readonly places: number;
  /** ms for which the server keeps a transaction whose process says nothing, once the row of the run is locked. */
  readonly idleInTransaction: number;
  readonly onTrouble: (message: string) => void;
}

/** The transactions of steps that are `transactional`: on the app's connections, with the step's record in them. */
export class StepTransactions {
  private readonly pool: PoolWatch;

  constructor(private readonly options: StepTransactionsOptions) {
    const { dataSource, places, onTrouble } = options;
    this.pool = new PoolWatch(dataSource, places, onTrouble);
  }

  /** @throws StoreError where the transaction could not be begun or committed; what `work` throws */
  async run<T>(work: (transaction: port.StepTransaction) => Promise<T>): Promise<T> {
    let begun = false;
    let worked = false;
    const leave = this.pool.enter();
    try {
      // The level is named: the app's own default may be one that looks, after its locks, at what was there before them.
      return await this.options.dataSource.transaction('READ COMMITTED', async (manager) => {
        const watch = await watchTransaction(manager).catch((error: unknown) => {
          throw unavailable(error);
        });
        begun = true;
        const gate = new TransactionGate(manager, (text) => watch.sent(text));
        try {
          const result = await work({
            manager,
            codeIs: (isCode) => void (gate.isCode = isCode),
            hasEnded: () => watch.hasEnded,
            record: async (worker, op) => {
              gate.close();
              const taken = await this.record(manager, worker, op);
              // Its code has sent that before, and nobody waited for it: the journal says what stands.
              if (watch.hasEnded) throw new StoreError('unknown', 'The transaction of the step has ended by itself');
              return taken;
            },
            lossBy: async (error) => {
              gate.close();
              if (isReadOnly(error)) return (await takesNoWrites(manager)) ? 'readOnly' : 'retry';
              if (isRetryableRejection(error)) return isScarcity(error) ? 'scarce' : 'retry';
              return (await answers(manager)) ? null : 'unavailable';
            },
          });
          worked = true;
          return result;
        } catch (error) {
          // In the app's pool it would be lent again: a primary that was demoted and lives on refuses for as long as it does.
          if (needsFreshSession(error)) watch.endSession();
          throw error;
        } finally {
          watch.stop();
          gate.close();
        }
      });
    } catch (error) {
      if (!begun) throw isTypeOrmsLoss(error) || isConnectionError(error) ? unavailable(error) : asStoreError(error);
      throw worked ? ofCommit(error) : error;
    } finally {
      leave();
    }
  }

  /**
   * Locks the run under its fence and writes the record; false: the lease is lost.
   * @throws StoreError also where a record is there already
   */
  private async record(manager: EntityManager, worker: number, op: port.RunOp): Promise<boolean> {
    const { schema } = this.options;
    const query: Query = async <R extends object>(text: string, parameters: readonly unknown[]) => {
      try {
        return await manager.query<R[]>(text, [...parameters]);
      } catch (error) {
        const isServers = isReadOnly(error) && (await takesNoWrites(manager));
        throw isServers ? new StoreError('readOnly', textOf(error), { cause: error }) : ofQuery(error);
      }
    };
    // From here to the commit the row of the run is locked: a process that stands still now must not keep it for longer
    // than its lease. Before, the step's own code may take its time.
    await query(`SET LOCAL idle_in_transaction_session_timeout = ${Math.round(this.options.idleInTransaction)}`, []);
    const rows = await query<LockedRow>(sql('lock-remote-step', schema), [
      op.rowId,
      op.runId,
      op.after,
      op.token,
      worker,
    ]);
    if (!isLease(rows)) return false;
    const elsewhere = op.rowId !== op.runId;
    const parameters = [op.runId, op.token, recordsJson(op.records), elsewhere];
    const written = await query(sql('insert-records', schema), parameters);
    // The writes of this transaction would stand without their record: whose are recorded is looked up.
    if (written.length < op.records.length) throw new StoreError('unknown', 'A record of the step is there already');
    if (op.extras !== null) {
      await commitExtras((statement, values = []) => query(sql(statement, schema), values), [op]);
    }
    return true;
  }
}

/** A row of the queue that was locked. Text only: the parsers of all else are the app's on its own connections. */
export interface LockedRow {
  readonly id: string;
  /** Null: it is not the operation's own, or that has lost its lease or records that it builds on. */
  readonly leased: 'leased' | null;
}

/** True when the operation's own row is among them, still under its lease, and the records that it builds on are there. */
export function isLease(rows: readonly LockedRow[]): boolean {
  return rows.some(({ leased }) => leased !== null);
}

/**
 * True where TypeORM says, in words of its own and with no code, that the connection went between two statements of its own.
 * Other errors of no server (a subscriber's, a DataSource that is closed, a certificate) do not pass by being tried again.
 */
function isTypeOrmsLoss(error: unknown): boolean {
  return (
    error instanceof Error && /^(QueryRunner(Provider)?AlreadyReleased|TransactionNotStarted)Error$/.test(error.name)
  );
}

function unavailable(error: unknown): StoreError {
  return new StoreError('unavailable', textOf(error), { cause: error });
}

/** Before the commit: what the server has not said is that the connection is gone, in whose words ever; nothing was committed. */
function ofQuery(error: unknown): StoreError {
  // The step's code has asked for a transaction that only reads: the server takes writes.
  if (isReadOnly(error)) return new StoreError('retry', textOf(error), { cause: error });
  const known = asStoreError(error);
  if (known.kind !== 'rejected' || isRejectedByServer(error)) return known;
  return new StoreError('unavailable', known.message, { cause: error });
}

/** Failure of a commit: its outcome is unknown, unless the server has refused it. */
function ofCommit(error: unknown): StoreError {
  const known = asStoreError(error);
  if (known.kind !== 'rejected' || isRejectedByServer(error)) return known;
  return new StoreError('unknown', known.message, { cause: error });
}

/**
 * Where a statement was refused since the transaction is read-only: true where the session has no other ones, since the
 * server is a standby or set so. False: the step's code has asked for this one. The transaction has failed, and is ended.
 */
async function takesNoWrites(manager: EntityManager): Promise<boolean> {
  try {
    await manager.query('ROLLBACK');
    const [row] = await manager.query<{ why: string | null }[]>(
      `SELECT CASE WHEN pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' THEN 'read-only' END AS why`,
    );
    return row?.why === 'read-only';
  } catch {
    return true;
  }
}

/** Also with an error: that of a transaction that has failed is an answer. */
async function answers(manager: EntityManager): Promise<boolean> {
  try {
    await manager.query('SELECT 1');
    return true;
  } catch (error) {
    // The query before it may still be running.
    if (isQueryTimeout(error)) return true;
    // TypeORM says in words of its own that the connection is gone: only what the server said is an answer.
    return serverAnswer(error) !== undefined && !isConnectionError(error);
  }
}
