import type pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { WorkflowDefinition } from '../core/definition.js';
import type * as port from '../engine/store.js';
import { StoreError } from '../engine/store.js';
import { type ClaimRow, claimedRow } from './claimed-row.js';
import { isConnectionError, openPool } from './connection.js';
import type { DatabaseTarget } from './database-target.js';
import { opsJson, recordsJson, startsJson } from './op-json.js';
import { sql } from './sql.js';
import { asStoreError, StoreClient } from './store-client.js';

export interface PgStoreOptions {
  readonly target: DatabaseTarget;
  readonly schema: string;
  /** The app's DataSource, for transactional steps. */
  readonly appDataSource: DataSource | null;
  /** False behind a transaction-mode pooler: no prepared statements, no session settings. */
  readonly direct: boolean;
}

/** What the rare transactions of several statements use: steps on other queues, commits that are looked up. */
const RARE_CONNECTIONS = 2;

/**
 * The engine's storage. The journal writer, the claims and the heartbeats each have a connection of their own, so that
 * none waits behind another.
 */
export class PgStore implements port.EngineStore {
  private readonly writer: StoreClient;
  private readonly claims: StoreClient;
  private readonly lease: StoreClient;
  private readonly rare: pg.Pool;

  constructor(private readonly options: PgStoreOptions) {
    const { target, schema, direct } = options;
    this.writer = new StoreClient(target, schema, 'writer', direct);
    this.claims = new StoreClient(target, schema, 'claims', direct);
    this.lease = new StoreClient(target, schema, 'heartbeat', direct);
    this.rare = openPool(target, { max: RARE_CONNECTIONS, name: 'nest-durable:store' });
  }

  async close(): Promise<void> {
    await Promise.all([this.writer.close(), this.claims.close(), this.lease.close(), this.rare.end()]);
  }

  async commitGroup(worker: number, group: port.CommitGroup): Promise<port.GroupResult> {
    const values = groupValues(worker, group);
    return groupResult(await this.writer.run<GroupRow>('commit-group', values));
  }

  commitAlone(worker: number, op: port.RunOp): Promise<port.Ack | 'busy'> {
    return this.transact(async (run) => {
      const [locked] = await run('lock-held', [op.rowId, op.token, worker]);
      if (locked === undefined) {
        const held = await run<{ id: string; token: number }>('held', [worker]);
        return held.some((row) => row.id === op.rowId && row.token === op.token) ? 'busy' : { taken: false };
      }
      const seq = op.records[0]?.seq;
      const landed = seq !== undefined && (await run('has-record', [op.runId, seq])).length > 0;
      const rest = landed ? { ...op, records: [] } : op;
      const values = groupValues(worker, { ops: [rest], starts: [], claimable: [] });
      const { acks } = groupResult(await run<GroupRow>('commit-group', values));
      return acks.get(op.rowId) ?? 'busy';
    });
  }

  async startAlone(start: port.StartOp): Promise<void> {
    await this.writer.run('start-alone', [startsJson([start])]);
  }

  commitHanded(worker: number, op: port.HandedOp): Promise<port.HandedAck> {
    return this.transact(async (run) => {
      const rows = await run<{ id: string; token: number; worker_id: number | null; paused: boolean }>('lock-handed', [
        op.rowId,
        op.runId,
      ]);
      const own = rows.find((row) => row.id === op.rowId);
      if (own?.token !== op.token || own.worker_id !== worker) return { taken: false, paused: false, wokeQueue: null };
      if (op.records.length > 0) await run('insert-records', [op.runId, op.token, recordsJson(op.records)]);
      let wokeQueue: string | null = null;
      if (op.outcome?.kind === 'again') {
        await run('repeat-handed', [op.rowId, op.outcome.delayMs, op.outcome.step]);
      } else if (op.outcome?.kind === 'done') {
        await run('finish-handed', [op.rowId]);
        const [woken] = await run<{ queue: string; paused: boolean }>('wake-run', [op.runId]);
        wokeQueue = woken === undefined || woken.paused ? null : woken.queue;
      }
      return { taken: true, paused: own.paused, wokeQueue };
    });
  }

  async transaction<T>(work: (transaction: port.StepTransaction) => Promise<T>): Promise<T> {
    const { appDataSource } = this.options;
    if (appDataSource === null) throw new StoreError('rejected', 'A transactional step needs database: { dataSource }');
    let worked = false;
    try {
      return await appDataSource.transaction(async (manager) => {
        const result = await work({ manager, record: (worker, op) => this.recordIn(manager, worker, op) });
        worked = true;
        return result;
      });
    } catch (error) {
      throw worked ? asStoreError(error) : error;
    }
  }

  landed(rowId: string, runId: string, seq: number): Promise<boolean> {
    return this.transact(async (run) => {
      await run('lock-run-row', [rowId]);
      return (await run('has-record', [runId, seq])).length > 0;
    });
  }

  async held(worker: number): Promise<Map<string, number>> {
    const rows = await this.lease.run<{ id: string; token: number }>('held', [worker]);
    return new Map(rows.map(({ id, token }) => [id, token]));
  }

  async release(worker: number, rows: readonly { rowId: string; token: number }[]): Promise<{ queues: string[] }> {
    const json = JSON.stringify(rows.map(({ rowId, token }) => ({ id: rowId, token })));
    return queuesOf(await this.claims.run<{ queue: string }>('release', [worker, json]));
  }

  async claim(
    worker: number,
    queue: string,
    limit: number,
    definitions: readonly port.Claimable[],
  ): Promise<port.ClaimedRow[]> {
    const json = JSON.stringify(definitions.map(({ id, runAs, timeout }) => ({ id, run_as: runAs, timeout })));
    const rows = await this.claims.run<ClaimRow>('claim', [queue, json, limit, worker]);
    return rows.map(claimedRow);
  }

  async loadDefinition(id: number): Promise<WorkflowDefinition> {
    const [row] = await this.claims.run<{ definition: WorkflowDefinition }>('load-definition', [id]);
    if (row === undefined) throw new StoreError('rejected', `There is no stored definition ${id}`);
    return row.definition;
  }

  async loadRecords(wanted: readonly port.RecordRange[]): Promise<(port.JournalRecord & { rowId: string })[]> {
    const json = JSON.stringify(
      wanted.map(({ rowId, runId, after, also }) => ({ row: rowId, run: runId, after, also })),
    );
    const rows = await this.claims.run<RecordRow>('load-records', [json]);
    return rows.map((row) => ({
      rowId: row.row_id,
      seq: row.seq,
      inputSeq: row.input_seq,
      round: row.round,
      path: row.path,
      visit: row.visit,
      attempt: row.attempt,
      type: row.type,
      status: row.status,
      output: row.output,
      error: row.error,
      durationMs: row.duration_ms,
      retryAt: row.retry_at,
    }));
  }

  async wakeDue(limit: number): Promise<{ queues: string[]; woken: number; nextInMs: number | null }> {
    const [row] = await this.claims.run<{ queues: string[]; woken: number; next_in_ms: number | null }>('wake-due', [
      limit,
    ]);
    return { queues: row?.queues ?? [], woken: row?.woken ?? 0, nextInMs: row?.next_in_ms ?? null };
  }

  async registerWorker(w: port.WorkerRegistration): Promise<{ id: number; now: number }> {
    const { host, pid, processKey, processStart, version, queues, definitions, sessionName, leaseMs } = w;
    const values = [host, pid, processKey, processStart, version, queues, definitions, sessionName, leaseMs];
    const [row] = await this.lease.run<{ id: number; now: number }>('register-worker', values);
    if (row === undefined) throw new StoreError('rejected', 'The worker was not entered');
    return row;
  }

  async heartbeat(worker: number, leaseMs: number, inFlight: string): Promise<number | null> {
    const [row] = await this.lease.run<{ now: number }>('heartbeat', [worker, leaseMs, inFlight]);
    return row?.now ?? null;
  }

  async lookAtWorkers(worker: number): Promise<port.WorkerSighting[]> {
    const rows = await this.lease.run<SightingRow>('look-at-workers', [worker]);
    return rows.map(({ process_key, process_start, seen_at, ...row }) => ({
      ...row,
      processKey: process_key,
      processStart: process_start,
      seenAt: seen_at,
    }));
  }

  async recover(dead: readonly { id: number; seenAt: string }[]): Promise<{ queues: string[]; recovered: number }> {
    const json = JSON.stringify(dead.map(({ id, seenAt }) => ({ id, seen_at: seenAt })));
    if (dead.length > 0) await this.lease.run('declare-dead', [json]);
    const rows = await this.lease.run<{ queue: string; paused: boolean }>('sweep-dead');
    await this.lease.run('prune-workers');
    return { ...queuesOf(rows.filter((row) => !row.paused)), recovered: rows.length };
  }

  async deregisterWorker(worker: number): Promise<{ queues: string[] }> {
    return queuesOf(await this.lease.run<{ queue: string }>('deregister-worker', [worker]));
  }

  async claimableDefinitions(worker: number, own: readonly number[]): Promise<{ id: number; own: number }[]> {
    return this.lease.run<{ id: number; own: number }>('claimable-definitions', [worker, own]);
  }

  /** Locks the run under its fence and writes the record, in the app's own transaction. */
  private async recordIn(manager: EntityManager, worker: number, op: port.RunOp): Promise<boolean> {
    const { schema } = this.options;
    const held: unknown[] = await manager.query(sql('lock-held', schema).replace('SKIP LOCKED', ''), [
      op.rowId,
      op.token,
      worker,
    ]);
    if (held.length === 0) return false;
    await manager.query(sql('insert-records', schema), [op.runId, op.token, recordsJson(op.records)]);
    return true;
  }

  private async transact<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const client = await this.rare.connect().catch((error: unknown) => {
      throw new StoreError('unavailable', String(error), { cause: error });
    });
    let broken: Error | undefined;
    const { schema } = this.options;
    try {
      await client.query('BEGIN');
      const result = await work(
        async (statement, values = []) => (await client.query(sql(statement, schema), values)).rows,
      );
      await client.query('COMMIT');
      return result;
    } catch (error) {
      broken = isConnectionError(error) ? (error as Error) : undefined;
      if (broken === undefined) await client.query('ROLLBACK').catch((lost: Error) => (broken = lost));
      throw asStoreError(error);
    } finally {
      client.release(broken);
    }
  }
}

type Run = <R extends pg.QueryResultRow>(statement: string, values?: unknown[]) => Promise<R[]>;

interface GroupRow {
  readonly kind: 'op' | 'start';
  readonly id: string;
  readonly paused: boolean;
  readonly watched: boolean;
  readonly ready: boolean;
}

interface RecordRow {
  readonly row_id: string;
  readonly seq: number;
  readonly input_seq: number;
  readonly round: number;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly type: port.RecordType;
  readonly status: 'completed' | 'failed';
  readonly output: string | null;
  readonly error: string | null;
  readonly duration_ms: number;
  readonly retry_at: number | null;
}

interface SightingRow {
  readonly id: number;
  readonly pid: number;
  readonly process_key: string | null;
  readonly process_start: string | null;
  readonly seen_at: string;
  readonly expired: boolean;
  readonly dead: boolean;
  readonly owes: boolean;
  readonly connected: boolean | null;
}

function groupValues(worker: number, { ops, starts, claimable }: port.CommitGroup): unknown[] {
  return [worker, opsJson(ops), startsJson(starts), claimable];
}

function groupResult(rows: readonly GroupRow[]): port.GroupResult {
  const acks = new Map<string, port.Ack & { taken: true }>();
  const claimed = new Map<string, number>();
  for (const { kind, id, paused, watched, ready } of rows) {
    if (kind === 'op') acks.set(id, { taken: true, paused, watched, ready });
    else if (ready) claimed.set(id, 1);
  }
  return { acks, claimed };
}

function queuesOf(rows: readonly { queue: string }[]): { queues: string[] } {
  return { queues: [...new Set(rows.map((row) => row.queue))] };
}
