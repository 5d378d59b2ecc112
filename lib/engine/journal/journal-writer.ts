import { textOf } from '../../core/text-of.js';
import type { Ack, ClaimOffer, EngineStore, GroupResult, RunOp, StartOp, WokenRun } from '../ports/store.js';
import { StoreError } from '../ports/store.js';
import type { Telemetry } from '../ports/telemetry.js';
import { SHUT_DOWN, StartPatience, startError } from './start-patience.js';
import {
  type Batch,
  fail,
  isStart,
  postpone,
  settle,
  type StartResult,
  type Waiting,
  type WaitingOp,
  type WaitingStart,
  WriterQueue,
} from './writer-queue.js';

/** Around the commit of starts: offers places for them, and opens what was claimed (ClaimOffers). */
export type Starting = (
  starts: readonly StartOp[],
  send: (offer: ClaimOffer | null) => Promise<GroupResult>,
) => Promise<GroupResult>;

/** ms before a lost connection is tried again, doubled up to the most. */
const RETRY_MIN = 50;
const RETRY_MAX = 2_000;
/** Refusals for a passing reason after which an operation is given up: some 7 s beside the time of the statements. */
const MOST_REFUSALS = 8;
const REFUSED_MIN = 100;

/**
 * The one writer of a process. Duties:
 * - groups whatever is ready into one round trip and one commit, and sends the next group when the last one is back:
 *   no delay when idle, hundreds of steps a commit when busy;
 * - has two groups under way where there is enough for both: one is written while what came of the other is worked out;
 * - leaves no run waiting for another's row: what somebody has locked goes into a later group;
 * - after a broken connection has the store look before it writes again: the commit may have landed;
 * - after a refused group commits one by one, so that one bad row harms one run. An operation that is refused for a passing
 *   reason goes behind the others, with a growing delay, and is given up when it is refused again and again while others are not.
 */
export class JournalWriter {
  private readonly queue = new WriterQueue();
  /** Loops that send one group after the other: one, or two. */
  private lanes = 0;
  /** True: a look at what is ready is about to be made. */
  private looking = false;
  private closed = false;
  private idle: (() => void)[] = [];
  /** Connections lost in a row. */
  private losses = 0;
  /** Commits that the database has taken. */
  private successes = 0;
  /** Rows whose operations were refused since it last took one. */
  private readonly refused = new Set<string>();
  /** Ends the wait for a locked row early: there is something else to write. */
  private nudge: (() => void) | null = null;
  private readonly patience = new StartPatience(this.queue);

  constructor(
    private readonly store: EngineStore,
    /** The process's number among the workers; read at each commit, since it can change. */
    private readonly worker: () => number,
    private readonly starting: Starting,
    private readonly onTrouble: (message: string, cause?: unknown) => void,
    /** Runs got what they wait for by a commit. */
    private readonly onWoken: (woken: readonly WokenRun[]) => void,
    private readonly telemetry?: Telemetry,
  ) {}

  /**
   * Commits a run's records and outcome. `taken: false`: the lease is lost, nothing was written.
   * @param most refusals for a passing reason after which it is given up. Default: 8
   * @throws what the database, or the making of the statement, refused it with
   */
  commit(op: RunOp, most = MOST_REFUSALS): Promise<Ack> {
    return new Promise((resolve, reject) => {
      if (this.closed) return resolve({ taken: false });
      this.queue.ops.push(this.waiting(op, resolve, reject, most));
      this.wake();
    });
  }

  /** @throws DatabaseUnavailableError when the database stays away for 28 s, or the writer is closed; says whether it may be started */
  start(op: StartOp): Promise<StartResult> {
    return new Promise((resolve, reject) => {
      const waiting = this.waiting(op, resolve, reject, Infinity);
      if (this.closed) return reject(startError(waiting, SHUT_DOWN, false));
      this.queue.starts.push(waiting);
      this.patience.begin();
      this.wake();
    });
  }

  get isIdle(): boolean {
    return this.lanes === 0 && this.queue.isEmpty;
  }

  /** Resolves when nothing is left to write. */
  drained(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Gives up what is left, on its way or not: runs are told that their lease is lost, starts get an error. */
  close(): void {
    this.closed = true;
    this.patience.end();
    this.nudge?.();
    const { ops, underWay } = this.queue;
    for (const waiting of ops.splice(0)) settle(waiting, { taken: false });
    for (const batch of underWay) for (const waiting of batch.ops) settle(waiting, { taken: false });
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private waiting<Op, Result>(
    op: Op,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
    most: number,
  ): Waiting<Op, Result> {
    return {
      op,
      resolve,
      reject,
      since: performance.now(),
      most,
      settled: false,
      again: false,
      alone: false,
      notBefore: 0,
      tries: 0,
      refusals: 0,
      successes: this.successes,
    };
  }

  private wake(): void {
    this.nudge?.();
    if (this.looking || this.lanes > 1) return;
    this.looking = true;
    // After the present macrotask: all that became ready in it shares the group.
    setImmediate(() => {
      this.looking = false;
      if (this.lanes === 0) void this.run();
      else this.goBeside();
    });
  }

  /** A second lane, where there is enough for it. */
  private goBeside(): void {
    if (this.lanes === 1 && this.isForTwo) void this.run();
  }

  /** There is enough for two groups, a second session, and no trouble. */
  private get isForTwo(): boolean {
    const isQuiet = this.losses + this.refused.size === 0;
    return isQuiet && this.queue.isForTwo(performance.now()) && this.store.canCommitBeside();
  }

  private async run(): Promise<void> {
    this.lanes++;
    while (!this.closed && !this.queue.isEmpty) {
      const { isForTwo } = this;
      if (this.lanes > 1 && !isForTwo) break;
      const batch = this.queue.next(performance.now(), isForTwo);
      if (batch !== null) {
        const sent = this.send(batch);
        this.goBeside();
        await sent;
      } else if (this.lanes === 1) await this.untilDue();
      else break;
    }
    this.lanes--;
    // The other goes on.
    if (this.closed || this.lanes > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async send(batch: Batch): Promise<void> {
    let result;
    try {
      result = await this.write(batch);
    } catch (error) {
      this.queue.back(batch);
      if (!this.closed) await this.failed(batch, error);
      return;
    }
    this.queue.back(batch);
    this.losses = 0;
    this.successes++;
    this.refused.clear();
    const left = this.answered(batch, result);
    if (left.length > 0 && !this.closed) await this.sortOut(left);
  }

  private write({ ops, starts, again }: Batch): Promise<GroupResult> {
    const group = { ops: ops.map((w) => w.op), starts: starts.map((w) => w.op) };
    if (again) return this.store.commitAgain(this.worker(), { offer: null, ...group });
    const send = (offer: ClaimOffer | null): Promise<GroupResult> =>
      this.store.commitGroup(this.worker(), { offer, ...group });
    return starts.length === 0 ? send(null) : this.starting(group.starts, send);
  }

  /** Tells of what was taken; gives what was left out. */
  private answered({ ops, starts }: Batch, result: GroupResult): readonly WaitingOp[] {
    this.telemetry?.committed(result.acks.size + starts.length);
    const claimed = new Set(result.claimed.map((row) => row.rowId));
    for (const waiting of starts) settle(waiting, claimed.has(waiting.op.id));
    if (starts.length > 0) this.patience.look();
    const left: WaitingOp[] = [];
    for (const waiting of ops) {
      const ack = result.acks.get(waiting.op.rowId);
      if (ack === undefined) left.push(waiting);
      else settle(waiting, ack);
    }
    try {
      if (result.woken.length > 0) this.onWoken(result.woken);
    } catch (error) {
      this.onTrouble(`Could not notify workers of runs that are ready; they poll: ${textOf(error)}`);
    }
    return left;
  }

  /** Tells lost leases from rows that somebody has locked; the latter are tried again. */
  private async sortOut(left: readonly WaitingOp[]): Promise<void> {
    const batch: Batch = { ops: left, starts: [], again: false };
    this.queue.out(batch);
    let leased;
    try {
      leased = await this.store.leasedRows(this.worker());
    } catch (error) {
      this.queue.back(batch);
      this.queue.putBack(batch);
      return this.backOff(error);
    }
    this.queue.back(batch);
    this.queue.putBack(batch);
    for (const waiting of left) {
      if (leased.get(waiting.op.rowId)?.token === waiting.op.token) postpone(waiting, 5, 200);
      else this.end(waiting, () => settle(waiting, { taken: false }));
    }
  }

  private async failed(batch: Batch, error: unknown): Promise<void> {
    const all = [...batch.ops, ...batch.starts];
    this.queue.putBack(batch);
    // An error that is not the store's was thrown on the way to the server: the same will be thrown again.
    const kind = error instanceof StoreError ? error.kind : 'rejected';
    if (kind === 'unavailable' || kind === 'unknown') {
      for (const waiting of all) waiting.again ||= kind === 'unknown';
      return this.backOff(error);
    }
    // Rolled back, then: each for itself, so that one that is bad harms only its own run.
    const [only] = all;
    if (all.length > 1) for (const waiting of all) waiting.alone = true;
    else if (only !== undefined) this.refuse(only, kind, error);
  }

  private refuse(waiting: WaitingOp | WaitingStart, kind: StoreError['kind'], error: unknown): void {
    if (kind === 'rejected' || !this.counts(waiting, kind)) {
      if (kind === 'rejected') this.end(waiting, () => fail(waiting, error));
      else this.putOff(waiting, error);
      return;
    }
    waiting.refusals++;
    if (waiting.refusals >= waiting.most) this.end(waiting, () => fail(waiting, error));
    else this.putOff(waiting, error);
  }

  /**
   * True when a refusal for a passing reason counts against the operation: others were taken since its last one, or, where the
   * server lacks nothing, none was refused. A refusal of all operations is the database's trouble.
   */
  private counts(waiting: WaitingOp | WaitingStart, kind: StoreError['kind']): boolean {
    const beside = this.successes > waiting.successes;
    waiting.successes = this.successes;
    this.refused.add(isStart(waiting) ? waiting.op.id : waiting.op.rowId);
    return beside || (kind === 'retry' && this.refused.size === 1);
  }

  private putOff(waiting: WaitingOp | WaitingStart, error: unknown): void {
    waiting.alone = true;
    postpone(waiting, REFUSED_MIN, RETRY_MAX);
    if (waiting.tries > 1) return;
    const what = isStart(waiting) ? `A start of "${waiting.op.workflow}"` : `A commit of run ${waiting.op.runId}`;
    this.onTrouble(`${what} was refused; retrying: ${textOf(error)}`);
  }

  /** Takes it off the list, and tells whoever waits for it. */
  private end(waiting: WaitingOp | WaitingStart, tell: () => void): void {
    this.queue.remove(waiting);
    tell();
  }

  /** Until something is due, or there is something new. */
  private untilDue(): Promise<void> {
    const ms = Math.max(1, this.queue.nextDue() - performance.now());
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.nudge?.(), ms);
      this.nudge = () => {
        clearTimeout(timer);
        this.nudge = null;
        resolve();
      };
    });
  }

  private async backOff(error: unknown): Promise<void> {
    this.losses++;
    if (this.losses === 1) {
      this.onTrouble(`Could not write the journal; retrying: ${textOf(error)}`, error);
    }
    // The other lane goes on, and waits where that fails too.
    if (this.lanes > 1) return;
    await sleep(Math.min(RETRY_MIN * 2 ** Math.min(this.losses - 1, 10), RETRY_MAX));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
