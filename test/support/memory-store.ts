import { randomUUID } from 'node:crypto';
import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import {
  StoreError,
  type Ack,
  type DueRows,
  type EndedTree,
  type Claimable,
  type ClaimedRow,
  type CommitGroup,
  type EngineStore,
  type GroupResult,
  type LeasedRow,
  type LeasedRows,
  type ReadRecord,
  type Outcome,
  type RecordRange,
  type RunOp,
  type TakenWait,
  type UndoRecord,
} from '../../lib/engine/ports/store.js';
import {
  attemptOf,
  claimedRow,
  isAttempt,
  madeOf,
  type QueueRow,
  type StoredRecord,
  type StoredRun,
} from './memory-tables.js';

type Unused =
  | 'commitRemoteStep'
  | 'abandonSteps'
  | 'transaction'
  | 'landed'
  | 'readWaits'
  | 'cancelRun'
  | 'endLate'
  | 'registerWorker'
  | 'heartbeat'
  | 'lookAtWorkers'
  | 'recover'
  | 'deregisterWorker'
  | 'claimableDefinitions'
  | 'matchEvents'
  | 'reconcile'
  | 'lastEnds'
  | 'markAgain'
  | 'pulse';

/** The verbs that a run without waits, children, other queues and transactions needs. */
export type RunStore = Omit<EngineStore, Unused>;

/**
 * The database as the engine sees it, in memory: an append-only journal, a queue with leases and fencing tokens. What is
 * stored is text, as it would be there. Whatever the tables would refuse is an error here too: a second record of one
 * number, a run that ends twice.
 */
export class MemoryStore implements RunStore {
  readonly runs = new Map<string, StoredRun>();
  private readonly queue = new Map<string, QueueRow>();
  /** Parts of the queue: looked at all the time. */
  private readonly ready = new Set<QueueRow>();
  private readonly sleeping = new Set<QueueRow>();
  private readonly definitions = new Map<number, WorkflowDefinition>();
  private readonly dead = new Set<number>();
  /** Groups that were committed. */
  commits = 0;
  /** What the tables would have refused: the engine must never try. */
  readonly refusals: string[] = [];

  /** Database time, ms. */
  now(): number {
    return performance.now();
  }

  addDefinition(id: number, definition: WorkflowDefinition): void {
    // As it comes back from its column.
    this.definitions.set(id, JSON.parse(JSON.stringify(definition)) as WorkflowDefinition);
  }

  start(workflow: string, definitionId: number, input: string): string {
    const id = randomUUID();
    this.runs.set(id, {
      id,
      workflow,
      input,
      records: [],
      bySeq: new Map(),
      attempts: new Set(),
      made: new Set(),
      status: 'active',
      dataSeq: 0,
      snapshot: null,
      snapshotSeq: 0,
      round: 1,
      error: null,
      endToken: null,
    });
    const row = { id, definitionId, token: 0, worker: null, dueAt: 0, recoveries: 0, progressSeq: 0 };
    this.queue.set(id, this.move({ ...row, state: 'ready' }, 'ready'));
    return id;
  }

  run(id: string): StoredRun {
    const run = this.runs.get(id);
    if (run === undefined) throw new Error(`There is no run ${id}`);
    return run;
  }

  get unfinished(): number {
    return this.queue.size;
  }

  /** The worker that holds a run; null: none. */
  holderOf(id: string): number | null {
    return this.queue.get(id)?.worker ?? null;
  }

  /** When the next row is due, where nothing is ready and nobody holds anything; null: something is. */
  get quietUntil(): number | null {
    if (this.sleeping.size < this.queue.size || this.queue.size === 0) return null;
    const due = Math.min(...[...this.sleeping].map(({ dueAt }) => dueAt));
    if (due === Number.POSITIVE_INFINITY) throw new Error('All runs sleep, and nothing will ever wake them');
    return due;
  }

  describeUnfinished(): string {
    return [...this.queue.values()]
      .map(({ id, state, worker }) => `${this.run(id).workflow} is ${state}, leased by ${worker}`)
      .join(', ');
  }

  /** Declares a worker dead: what it holds can be claimed, and what it writes from now on is refused. */
  declareDead(worker: number): void {
    this.dead.add(worker);
    for (const row of this.queue.values()) {
      if (row.worker !== worker) continue;
      const seq = Math.max(0, ...this.run(row.id).bySeq.keys());
      row.recoveries = seq > row.progressSeq ? 1 : row.recoveries + 1;
      row.progressSeq = seq;
      this.move(row, 'ready').worker = null;
    }
  }

  canCommitBeside(): boolean {
    return true;
  }

  async commitGroup(worker: number, { ops, starts }: CommitGroup): Promise<GroupResult> {
    if (starts.length > 0) throw new Error('Runs are started with start()');
    const acks = new Map<string, Ack>();
    // A statement fails as a whole.
    for (const op of ops) this.check(worker, op);
    for (const op of ops) {
      const row = this.heldRow(worker, op);
      if (row !== null) acks.set(op.rowId, this.isWhole(op) ? this.write(row, op) : { taken: false });
    }
    this.commits++;
    return Promise.resolve({ acks, claimed: [], woken: [] });
  }

  async commitAgain(worker: number, { ops, starts, offer }: CommitGroup): Promise<GroupResult> {
    const acks = new Map<string, Ack>();
    const left: RunOp[] = [];
    for (const op of ops) {
      const row = this.heldRow(worker, op);
      const landed = this.landed(op);
      if (landed && (row !== null || op.outcome !== null)) acks.set(op.rowId, taken(false));
      else if (row === null) acks.set(op.rowId, { taken: false });
      else left.push(op);
    }
    const rest = await this.commitGroup(worker, { ops: left, starts, offer });
    return { ...rest, acks: new Map([...acks, ...rest.acks]) };
  }

  leasedRows(worker: number): Promise<Map<string, LeasedRow>> {
    const rows = [...this.queue.values()].filter((row) => row.worker === worker);
    return Promise.resolve(
      new Map(rows.map(({ id, token }) => [id, { token, wake: false, paused: false, cancel: null }])),
    );
  }

  release(worker: number, rows: readonly { rowId: string; token: number }[]): Promise<{ queues: string[] }> {
    for (const { rowId, token } of rows) {
      const row = this.queue.get(rowId);
      if (row?.worker !== worker || row.token !== token) continue;
      this.move(row, 'ready').worker = null;
    }
    return Promise.resolve({ queues: ['default'] });
  }

  claim(worker: number, _queue: string, limit: number, claimable: readonly Claimable[]): Promise<ClaimedRow[]> {
    if (this.dead.has(worker) || this.ready.size === 0) return Promise.resolve([]);
    const ids = new Set(claimable.map(({ id }) => id));
    const found = [...this.ready].filter((row) => ids.has(row.definitionId));
    return Promise.resolve(
      found.slice(0, limit).map((row) => {
        this.move(row, 'running').worker = worker;
        row.token++;
        return claimedRow(row, this.run(row.id));
      }),
    );
  }

  loadDefinition(id: number): Promise<WorkflowDefinition> {
    const definition = this.definitions.get(id);
    return definition === undefined ? Promise.reject(new Error(`No definition ${id}`)) : Promise.resolve(definition);
  }

  undoingDefinitions(workflow: string): Promise<WorkflowDefinition[]> {
    const all = [...this.definitions.values()];
    return Promise.resolve(all.filter(({ name, compensations }) => name === workflow && compensations.length > 0));
  }

  takeWaits(_worker: number, runs: readonly string[]): Promise<Map<string, TakenWait[]>> {
    return Promise.resolve(new Map(runs.map((id) => [id, []])));
  }

  loadUndo(runId: string, round: number): Promise<UndoRecord[]> {
    const wanted: readonly string[] = ['step', 'decision', 'intent', 'compensate'];
    return Promise.resolve(
      this.run(runId)
        .records.filter((record) => record.round === round && wanted.includes(record.type))
        .map(({ seq, path, visit, type, status, input, output, retryAt }) => ({
          seq,
          path,
          visit,
          type: type as UndoRecord['type'],
          status,
          input,
          hasOutput: output !== null,
          final: retryAt === null,
        }))
        .reverse(),
    );
  }

  cancelChildren(): Promise<EndedTree> {
    return Promise.reject(new Error('No run here has children'));
  }

  async readLeased(worker: number, runs: readonly string[], wanted: readonly RecordRange[]): Promise<LeasedRows> {
    const waits = await this.takeWaits(worker, runs);
    return { waits, records: await this.loadRecords(wanted), now: Date.now() };
  }

  loadRecords(wanted: readonly RecordRange[]): Promise<ReadRecord[]> {
    return Promise.resolve(
      wanted.flatMap(({ rowId, runId, after, upTo, also }) => {
        const { records, bySeq } = this.run(runId);
        const named = new Set(also);
        const last = upTo ?? Number.POSITIVE_INFINITY;
        const range = after === null ? [] : records.filter(({ seq }) => seq > after && seq <= last && !named.has(seq));
        const rest = [...named].flatMap((seq) => bySeq.get(seq) ?? []);
        return [...range, ...rest]
          .sort((a, b) => a.seq - b.seq)
          .map(({ token: _token, input: _input, ...record }) => ({
            ...record,
            rowId,
            hasOutput: record.output !== null,
            // Large outputs are only there when asked for by number; here every third one is large.
            output: named.has(record.seq) || record.seq % 3 !== 0 ? record.output : null,
          }));
      }),
    );
  }

  wakeDue(): Promise<DueRows> {
    let woken = 0;
    for (const row of this.sleeping) {
      if (row.dueAt > this.now()) continue;
      this.move(row, 'ready');
      woken++;
    }
    return Promise.resolve({ queues: woken > 0 ? ['default'] : [], woken, locked: false, late: [], nextInMs: null });
  }

  private move(row: QueueRow, state: QueueRow['state']): QueueRow {
    row.state = state;
    this.ready.delete(row);
    this.sleeping.delete(row);
    if (state !== 'running') this[state].add(row);
    return row;
  }

  private heldRow(worker: number, { rowId, token }: RunOp): QueueRow | null {
    const row = this.queue.get(rowId);
    return row?.worker === worker && row.token === token ? row : null;
  }

  /** By its first record, or by the lease that has ended. */
  private landed({ rowId, token, records, outcome }: RunOp): boolean {
    const run = this.run(rowId);
    const [first] = records;
    if (first !== undefined) return run.bySeq.get(first.seq)?.token === token;
    return outcome?.kind === 'end' && run.status !== 'active' && run.endToken === token;
  }

  private isWhole({ rowId, after }: RunOp): boolean {
    const { bySeq } = this.run(rowId);
    return after.every((seq) => bySeq.has(seq));
  }

  /** What the tables' constraints would refuse. */
  private check(worker: number, op: RunOp): void {
    if (this.heldRow(worker, op) === null) return;
    const run = this.run(op.rowId);
    const refuse = (why: string): never => {
      this.refusals.push(`${run.workflow}: ${why}`);
      throw new StoreError('rejected', `Run ${op.rowId} (${run.workflow}): ${why}`);
    };
    const numbers = new Set<number>();
    const attempts = new Set<string>();
    for (const record of op.records) {
      const attempt = isAttempt(record) ? attemptOf(record) : null;
      if (run.bySeq.has(record.seq) || numbers.has(record.seq)) refuse(`record ${record.seq} is there already`);
      if (attempt !== null && (run.attempts.has(attempt) || attempts.has(attempt)))
        refuse(`${attempt} is there already`);
      numbers.add(record.seq);
      if (attempt !== null) attempts.add(attempt);
      if ((record.status === 'failed') !== (record.error !== null)) refuse(`record ${record.seq} has no error or one`);
    }
    if (run.status !== 'active') refuse('it has ended');
    const { extras } = op;
    if (extras !== null && [extras.waits, extras.remoteStarts, extras.children].some((list) => list.length > 0)) {
      refuse('nothing here waits, has children or is handed over');
    }
  }

  private write(row: QueueRow, { records, outcome, token }: RunOp): Ack & { taken: true } {
    const run = this.run(row.id);
    const now = this.now();
    for (const { retryInMs, ...record } of records) {
      // What comes back must not be the object that was given.
      const copy = JSON.parse(JSON.stringify(record)) as typeof record;
      const stored: StoredRecord = { ...copy, token, retryAt: retryInMs === null ? null : now + retryInMs };
      run.records.push(stored);
      run.bySeq.set(stored.seq, stored);
      if (isAttempt(stored)) run.attempts.add(attemptOf(stored));
      run.made.add(madeOf(stored));
    }
    if (outcome !== null) this.leave(row, run, outcome);
    return taken(row.state === 'ready');
  }

  private leave(row: QueueRow, run: StoredRun, outcome: Outcome): void {
    run.dataSeq = outcome.dataSeq ?? run.dataSeq;
    run.error = outcome.error;
    if (outcome.kind === 'end') {
      run.status = outcome.status;
      run.endToken = row.token;
      run.snapshot = null;
      this.queue.delete(row.id);
      return;
    }
    if (outcome.pause) throw new Error(`Run ${run.id} (${run.workflow}) was paused: ${outcome.error}`);
    run.snapshot = outcome.snapshot;
    run.snapshotSeq = outcome.snapshotSeq;
    run.round = outcome.round;
    row.worker = null;
    row.recoveries = 0;
    this.move(row, outcome.delayMs !== null && outcome.delayMs <= 0 ? 'ready' : 'sleeping');
    row.dueAt = outcome.delayMs === null ? Number.POSITIVE_INFINITY : this.now() + outcome.delayMs;
  }
}

function taken(ready: boolean): Ack & { taken: true } {
  return { taken: true, paused: false, watched: false, ready, wake: false, cancel: false };
}
