import type { DataSource } from 'typeorm';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import type * as port from '../../engine/ports/store.js';
import { StoreError } from '../../engine/ports/store.js';
import { claimableJson } from './claimed-row.js';
import { claimReading } from './reading-rows.js';
import type { Connections } from '../connection/connections.js';
import { cancelChildren, cancelRun } from './cancel-tree.js';
import {
  commitAgain,
  commitExtras,
  commitGroup,
  commitIn,
  isPlain,
  lockWaiters,
  matchable,
  remoteBefore,
} from './commits.js';
import {
  type LeasedRead,
  leasedReads,
  pulseFindings,
  type PulseRow,
  registrationValues,
  sighting,
  type SightingRow,
  takenWaits,
  undoRecord,
  type UndoRow,
  type WaitRow,
} from './engine-rows.js';
import { endLateRuns } from './late-runs.js';
import { matchEvents } from './unmatched-events.js';
import { changeOnce } from '../connection/once.js';
import { leasesJson, recordsJson } from './op-json.js';
import { findUnsound, repair, repairRates } from './reconcile.js';
import { SecondWriter } from './second-writer.js';
import { sql } from '../sql.js';
import { isLease, type LockedRow, StepTransactions } from './step-transactions.js';
import { asStoreError, type Run, StoreClient } from './store-client.js';
import { inTransaction, type Query, queryOf } from '../connection/transaction.js';

export interface PgStoreOptions {
  readonly connections: Connections;
  readonly schema: string;
  /** The app's DataSource, for transactional steps. */
  readonly appDataSource: DataSource | null;
  /** Transactional steps that this process may run at a time. Default: 0. */
  readonly places?: number;
  /** Is told what stands in their way. Default: nobody. */
  readonly onTrouble?: (message: string) => void;
}

/** Rows of dead workers made claimable at a time, at most; the next look does the rest. */
const SWEPT = 1_000;

const NOTHING: Omit<port.Reconciled, 'next'> = { found: [], woken: [] };

/**
 * The engine's storage. The journal writer, the claims and the heartbeats each have a connection of their own, so that
 * none waits behind another; the writer has a second one while there is much to write.
 */
export class PgStore implements port.EngineStore {
  private readonly writer: StoreClient;
  private readonly second: SecondWriter;
  private readonly claims: StoreClient;
  private readonly lease: StoreClient;
  /** performance.now() of the last commit that worked. */
  private committedAt: number | null = null;

  /** Null: the app has given no DataSource. */
  private readonly steps: StepTransactions | null;

  constructor(private readonly options: PgStoreOptions) {
    const { connections, schema, appDataSource: dataSource, places = 0, onTrouble = () => {} } = options;
    const { idleInTransaction } = connections;
    this.steps =
      dataSource === null ? null : new StepTransactions({ schema, dataSource, places, idleInTransaction, onTrouble });
    this.writer = new StoreClient(connections, schema, 'writer');
    this.second = new SecondWriter(connections.pool, new StoreClient(connections, schema, 'writer'));
    this.claims = new StoreClient(connections, schema, 'claims');
    this.lease = new StoreClient(connections, schema, 'heartbeat');
  }

  /** ms since something was committed; null: nothing was yet. A heartbeat is a commit too. */
  get lastCommitAge(): number | null {
    return this.committedAt === null ? null : performance.now() - this.committedAt;
  }

  async commitGroup(worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
    const commit = (writer: StoreClient): ReturnType<typeof commitIn> =>
      isPlain(group)
        ? commitGroup((statement, values) => writer.run(statement, values), worker, group)
        : writer.transaction((run) => commitIn(run, worker, group));
    const isSecond = this.writer.isBusy && this.second.isReady();
    const result = await (isSecond ? this.second.write(commit) : commit(this.writer));
    this.committedAt = performance.now();
    return result;
  }

  canCommitBeside(): boolean {
    return this.second.isReady();
  }

  async commitAgain(worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
    const result = await this.writer.transaction((run) => commitAgain(run, worker, group));
    this.committedAt = performance.now();
    return result;
  }

  commitRemoteStep(worker: number, op: port.RemoteStepOp): Promise<port.RemoteStepAck> {
    return this.transact(async (run) => {
      const lease = [op.rowId, op.runId, op.after, op.token, worker];
      const rows = await run<LockedRow>('lock-remote-step', lease);
      if (!isLease(rows)) return remoteBefore(run, worker, op);
      if (!rows.some((row) => row.id === op.runId)) {
        // The run has ended: nothing is recorded for it any more.
        await run('finish-remote-step', [op.rowId]);
        return { taken: false, woken: null };
      }
      const { records, outcome, extras } = op;
      if (records.length > 0) await run('insert-records', [op.runId, op.token, recordsJson(records), true]);
      if ((await lockWaiters(run, [op])).size > 0) throw new StoreError('retry', 'A run that is waited for is locked');
      if (extras !== null) await commitExtras(run, [op]);
      if (outcome?.kind === 'again') await run('repeat-remote-step', [op.rowId, outcome.delayMs, outcome.step]);
      if (outcome?.kind === 'pause') await run('pause-remote-step', [op.rowId]);
      if (outcome?.kind !== 'done') return { taken: true, woken: null };
      await run('finish-remote-step', [op.rowId]);
      const asked = matchable(op);
      if (asked.length > 0) await run('match-waits', [asked.map(() => op.runId), [], asked]);
      const [row] = await run<Omit<port.WokenRun, 'runId'>>('wake-run', [op.runId]);
      return { taken: true, woken: row === undefined ? null : { ...row, runId: op.runId } };
    });
  }

  abandonSteps(runId: string, rows: readonly string[], error: string, late: boolean): Promise<string[]> {
    return this.transact(async (run) => {
      await run('lock-run', [runId]);
      const left = await run<{ id: string }>('abandon-steps', [runId, rows, error, late]);
      return left.map(({ id }) => id);
    });
  }

  async transaction<T>(work: (transaction: port.StepTransaction) => Promise<T>): Promise<T> {
    if (this.steps === null) throw new StoreError('rejected', 'A transactional step needs database: { dataSource }');
    return this.steps.run(work);
  }

  landed(worker: number, op: port.RunOp): Promise<boolean> {
    return this.transact(async (run) => {
      await run('lock-remote-step', [op.rowId, op.runId, null, null, null]);
      const [found] = await run<{ landed: boolean }>('look-again', [worker, leasesJson([op])]);
      return found?.landed === true;
    });
  }

  async leasedRows(worker: number): Promise<Map<string, port.LeasedRow>> {
    const rows = await this.lease.run<{ id: string } & port.LeasedRow>('leased-rows', [worker]);
    return new Map(rows.map(({ id, ...row }) => [id, row]));
  }

  async release(
    worker: number,
    rows: readonly { rowId: string; token: number }[],
    counts: boolean,
  ): Promise<{ queues: string[] }> {
    const json = JSON.stringify(rows.map(({ rowId, token }) => ({ id: rowId, token })));
    return queuesOf(await this.claims.run<{ queue: string }>('release', [worker, json, counts]));
  }

  async claim(
    worker: number,
    queue: string,
    limit: number,
    definitions: readonly port.Claimable[],
  ): Promise<port.ClaimedRow[]> {
    const values = [queue, claimableJson(definitions), limit, worker];
    return claimReading((reads) => this.claims.run('claim', [...values, reads]));
  }

  async takeWaits(worker: number, runs: readonly string[]): Promise<Map<string, port.TakenWait[]>> {
    return takenWaits(await this.claims.run<WaitRow>('take-waits', [worker, runs]));
  }

  async readWaits(runId: string): Promise<port.TakenWait[]> {
    return takenWaits(await this.claims.run<WaitRow>('read-waits', [runId])).get(runId) ?? [];
  }

  async loadUndo(runId: string, round: number): Promise<port.UndoRecord[]> {
    return (await this.claims.run<UndoRow>('load-undo', [runId, round])).map(undoRecord);
  }

  cancelChildren(runId: string, reason: string): Promise<port.EndedTree> {
    return this.once((query) => cancelChildren(query, this.options.schema, runId, reason));
  }

  cancelRun(runId: string, reason: string): Promise<port.EndedTree> {
    return this.once((query) => cancelRun(query, this.options.schema, runId, reason));
  }

  async loadDefinition(id: number): Promise<WorkflowDefinition> {
    const [row] = await this.claims.run<{ definition: WorkflowDefinition }>('load-definition', [id]);
    if (row === undefined) throw new StoreError('rejected', `There is no stored definition ${id}`);
    return row.definition;
  }

  async undoingDefinitions(workflow: string): Promise<WorkflowDefinition[]> {
    const rows = await this.claims.run<{ definition: WorkflowDefinition }>('undoing-definitions', [workflow]);
    return rows.map(({ definition }) => definition);
  }

  async loadRecords(wanted: readonly port.RecordRange[]): Promise<port.ReadRecord[]> {
    return (await this.readLeased(0, [], wanted)).records;
  }

  async readLeased(
    worker: number,
    runs: readonly string[],
    wanted: readonly port.RecordRange[],
  ): Promise<port.LeasedRows> {
    const json = JSON.stringify(
      wanted.map(({ rowId, runId, after, upTo, also }) => ({ row: rowId, run: runId, after, up_to: upTo, also })),
    );
    return leasedReads(await this.claims.run<LeasedRead>('read-leased', [worker, runs, json]));
  }

  async wakeDue(limit: number): Promise<port.DueRows> {
    const [row] = await this.claims.run<Omit<port.DueRows, 'nextInMs'> & { next_in_ms: number | null }>('wake-due', [
      limit,
    ]);
    return {
      queues: row?.queues ?? [],
      woken: row?.woken ?? 0,
      locked: row?.locked ?? false,
      late: row?.late ?? [],
      nextInMs: row?.next_in_ms ?? null,
    };
  }

  endLate(runs: readonly string[]): Promise<port.LateRuns> {
    return endLateRuns((work) => this.once(work), this.options.schema, runs);
  }

  async matchEvents(limit: number): Promise<port.MatchedEvents> {
    const runs = (await this.claims.run<{ id: string }>('unmatched-runs', [limit])).map((row) => row.id);
    if (runs.length === 0) return { woken: [], left: 'none' };
    return this.transact((_, query) => matchEvents(query, this.options.schema, runs, limit));
  }

  async reconcile(after: string | null, limit: number): Promise<port.Reconciled> {
    const { connections, schema } = this.options;
    const query = queryOf(connections.pool);
    try {
      const rates = after === null ? await repairRates(query, schema) : [];
      const { rows, next } = await findUnsound(query, schema, after, limit);
      const { found, woken } = rows.length === 0 ? NOTHING : await this.transact((_, q) => repair(q, schema, rows));
      return { found: [...rates, ...found], woken, next };
    } catch (error) {
      throw asStoreError(error);
    }
  }

  async lastEnds(worker: number, runs: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.claims.run<{ runId: string; ended: number }>('unheard', [worker, runs]);
    return new Map(rows.map(({ runId, ended }) => [runId, ended]));
  }

  async markAgain(worker: number, runs: readonly string[]): Promise<readonly port.Unsound[]> {
    const { found } = await this.transact((_, query) => repair(query, this.options.schema, runs, worker));
    return found;
  }

  async pulse({ worker, processKey, queues, definitions, workflows }: port.PulseQuestion): Promise<port.PulseFindings> {
    const values = [worker, processKey, queues, definitions, workflows];
    const [row] = await this.claims.run<PulseRow>('pulse', values);
    if (row === undefined) throw new StoreError('rejected', 'The pulse has no answer');
    return pulseFindings(row);
  }

  async registerWorker(w: port.WorkerRegistration): Promise<{ id: number; now: number }> {
    const values = registrationValues(w);
    for (;;) {
      const [row] = await this.lease.run<{ id: number; now: number }>('register-worker', values);
      if (row === undefined) continue;
      this.committedAt = performance.now();
      return row;
    }
  }

  async heartbeat(
    worker: number,
    leaseMs: number,
    inFlight: string | null,
    listening: boolean,
  ): Promise<number | null> {
    const [row] = await this.lease.run<{ now: number }>('heartbeat', [worker, leaseMs, inFlight, listening]);
    this.committedAt = performance.now();
    return row?.now ?? null;
  }

  async lookAtWorkers(worker: number): Promise<port.WorkerSighting[]> {
    const rows = await this.lease.run<SightingRow>('look-at-workers', [worker]);
    return rows.map(sighting);
  }

  async recover(dead: readonly { id: number; seenAt: string }[]): Promise<{ queues: string[]; recovered: number }> {
    const json = JSON.stringify(dead.map(({ id, seenAt }) => ({ id, seen_at: seenAt })));
    if (dead.length > 0) await this.lease.run('declare-dead', [json]);
    const rows = await this.lease.run<{ queue: string; paused: boolean }>('sweep-dead', [SWEPT]);
    await this.lease.run('prune-workers');
    return { ...queuesOf(rows.filter((row) => !row.paused)), recovered: rows.length };
  }

  async deregisterWorker(worker: number): Promise<{ queues: string[] }> {
    const left = queuesOf(await this.lease.run<{ queue: string }>('deregister-worker', [worker]));
    await this.lease.run('prune-workers');
    return left;
  }

  async claimableDefinitions(
    worker: number,
    own: readonly number[],
    queues: readonly string[],
  ): Promise<{ id: number; own: number; undoes: boolean }[]> {
    try {
      const values = [worker, own, queues];
      return await queryOf(this.options.connections.pool)(sql('claimable-definitions', this.options.schema), values);
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /** Tells what was done, also where the answer to the first try was lost. */
  private once<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return changeOnce(this.options.connections.pool, this.options.schema, work).catch((error: unknown) => {
      throw asStoreError(error);
    });
  }

  private async transact<T>(work: (run: Run, query: Query) => Promise<T>): Promise<T> {
    const { connections, schema } = this.options;
    try {
      return await inTransaction(connections.pool, (query) =>
        work((statement, values = []) => query(sql(statement, schema), values), query),
      );
    } catch (error) {
      throw asStoreError(error);
    }
  }
}

function queuesOf(rows: readonly { queue: string }[]): { queues: string[] } {
  return { queues: [...new Set(rows.map((row) => row.queue))] };
}
