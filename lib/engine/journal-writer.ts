import { DatabaseUnavailableError } from '../core/errors.js';
import { textOf } from '../core/text-of.js';
import type { Ack, ClaimOffer, EngineStore, GroupResult, RunOp, StartOp, WokenRun } from './store.js';
import { StoreError } from './store.js';
import type { Telemetry } from './telemetry.js';

interface Waiting<Op, Result> {
  readonly op: Op;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** performance.now() when it was handed in. */
  readonly since: number;
  /** Its outcome may be unknown: commit it alone, look first. */
  alone: boolean;
  /** When the group left it out because its row was locked: not tried before (performance.now()). */
  notBefore: number;
  /** Groups that have left it out. */
  skips: number;
}

/** Whether this process has claimed the run; else it is in the queue for anybody. */
export type StartResult = boolean;

/** Around the commit of starts: offers places for them, and opens what was claimed (ClaimOffers). */
export type Starting = (
  starts: readonly StartOp[],
  send: (offer: ClaimOffer | null) => Promise<GroupResult>,
) => Promise<GroupResult>;

/** Bounds of one group: beyond them the statement's own size starts to cost latency. */
const GROUP_OPS = 500;
const GROUP_BYTES = 4_000_000;
/** How long a start waits for a database that is away, ms: with the try under way it has its answer within 30 s. */
const START_PATIENCE = 25_000;
const RETRY_MIN = 50;
const RETRY_MAX = 2_000;

/**
 * The one writer of a process. Duties:
 * - groups whatever is ready into one round trip and one commit, and sends the next group when the last one is back:
 *   no delay when idle, hundreds of steps a commit when busy;
 * - leaves no run waiting for another's row: what somebody has locked goes into a later group;
 * - after a failed group commits one by one, so that one bad row harms one run;
 * - after a broken connection looks before it writes again: the commit may have landed.
 */
export class JournalWriter {
  private ops: Waiting<RunOp, Ack>[] = [];
  private starts: Waiting<StartOp, StartResult>[] = [];
  private busy = false;
  private closed = false;
  private idle: (() => void)[] = [];
  private failures = 0;
  /** Ends the wait for a locked row early: there is something else to write. */
  private nudge: (() => void) | null = null;

  constructor(
    private readonly store: EngineStore,
    /** The process's number among the workers; read at each commit, since it can change. */
    private readonly worker: () => number,
    private readonly starting: Starting,
    private readonly onTrouble: (message: string) => void,
    /** Runs got what they wait for by a commit. */
    private readonly onWoken: (woken: readonly WokenRun[]) => void,
    private readonly telemetry?: Telemetry,
  ) {}

  /** Commits a run's records and outcome. `taken: false`: the lease is lost, nothing was written. */
  commit(op: RunOp): Promise<Ack> {
    return new Promise((resolve, reject) => {
      this.ops.push({ op, resolve, reject, since: performance.now(), alone: false, notBefore: 0, skips: 0 });
      this.wake();
    });
  }

  /** @throws DatabaseUnavailableError when the database stays away for 30 s */
  start(op: StartOp): Promise<StartResult> {
    return new Promise((resolve, reject) => {
      this.starts.push({ op, resolve, reject, since: performance.now(), alone: false, notBefore: 0, skips: 0 });
      this.wake();
    });
  }

  get isIdle(): boolean {
    return !this.busy && this.ops.length === 0 && this.starts.length === 0;
  }

  /** Resolves when nothing is left to write. */
  drained(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Gives up what is left: runs are told that their lease is lost, starts get an error. */
  close(): void {
    this.closed = true;
    for (const waiting of this.ops.splice(0)) waiting.resolve({ taken: false });
    for (const waiting of this.starts.splice(0)) waiting.reject(this.startError(waiting));
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private wake(): void {
    this.nudge?.();
    if (this.busy) return;
    this.busy = true;
    // After the present macrotask: all that became ready in it shares the group.
    setImmediate(() => void this.run());
  }

  private async run(): Promise<void> {
    while (!this.closed && (this.ops.length > 0 || this.starts.length > 0)) {
      this.expireStarts();
      const now = performance.now();
      const due = this.ops.filter((w) => w.notBefore <= now);
      const alone = due.find((w) => w.alone) ?? this.starts.find((w) => w.alone);
      try {
        if (alone !== undefined) await this.commitOne(alone);
        else if (due.length > 0 || this.starts.length > 0) await this.commitGroup();
        else await this.untilNext(Math.min(...this.ops.map((w) => w.notBefore)) - now);
        this.failures = 0;
      } catch (error) {
        await this.backOff(error);
      }
    }
    this.busy = false;
    if (this.closed) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async commitGroup(): Promise<void> {
    const { ops, starts } = this.nextGroup();
    const group = { ops: ops.map((w) => w.op), starts: starts.map((w) => w.op) };
    const send = (offer: ClaimOffer | null): Promise<GroupResult> =>
      this.store.commitGroup(this.worker(), { offer, ...group });
    let result;
    try {
      result = await (starts.length === 0 ? send(null) : this.starting(group.starts, send));
    } catch (error) {
      // Nothing sent: the same group again, later. Else each for itself: a bad row harms only its own run, and what
      // may have landed is looked for first.
      const sent = !(error instanceof StoreError && error.kind === 'unavailable');
      for (const waiting of [...ops, ...starts]) waiting.alone = sent;
      this.ops.unshift(...ops);
      this.starts.unshift(...starts);
      throw error;
    }
    this.telemetry?.committed(result.acks.size + starts.length);
    const claimed = new Set(result.claimed.map((row) => row.rowId));
    for (const waiting of starts) waiting.resolve(claimed.has(waiting.op.id));
    if (result.woken.length > 0) this.onWoken(result.woken);
    const left: Waiting<RunOp, Ack>[] = [];
    for (const waiting of ops) {
      const ack = result.acks.get(waiting.op.rowId);
      if (ack === undefined) left.push(waiting);
      else waiting.resolve(ack);
    }
    if (left.length > 0) await this.sortOut(left);
  }

  /** Tells lost leases from rows that somebody has locked; the latter are tried again. */
  private async sortOut(left: Waiting<RunOp, Ack>[]): Promise<void> {
    this.ops.unshift(...left);
    const held = await this.store.held(this.worker());
    for (const waiting of left) {
      if (held.get(waiting.op.rowId)?.token === waiting.op.token) this.postpone(waiting);
      else this.settle(waiting, { taken: false });
    }
  }

  private async commitOne(waiting: Waiting<RunOp, Ack> | Waiting<StartOp, StartResult>): Promise<void> {
    try {
      if (isStart(waiting)) {
        await this.store.startAlone(waiting.op);
        this.starts = this.starts.filter((w) => w !== waiting);
        waiting.resolve(false);
      } else {
        const done = await this.store.commitAlone(this.worker(), waiting.op);
        if (done === 'busy') return this.postpone(waiting);
        this.settle(waiting, done.ack);
        if (done.woken.length > 0) this.onWoken(done.woken);
      }
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'rejected') throw error;
      this.ops = this.ops.filter((w) => w !== waiting);
      this.starts = this.starts.filter((w) => w !== waiting);
      waiting.reject(error);
    }
  }

  private nextGroup(): { ops: Waiting<RunOp, Ack>[]; starts: Waiting<StartOp, StartResult>[] } {
    const now = performance.now();
    const ops: Waiting<RunOp, Ack>[] = [];
    const later: Waiting<RunOp, Ack>[] = [];
    const seen = new Set<string>();
    let bytes = 0;
    for (const waiting of this.ops) {
      // Two operations of one run go in their order, the second in the next group.
      const fits = ops.length < GROUP_OPS && bytes < GROUP_BYTES && !seen.has(waiting.op.rowId);
      seen.add(waiting.op.rowId);
      if (!fits || waiting.notBefore > now) {
        later.push(waiting);
        continue;
      }
      for (const record of waiting.op.records) bytes += (record.output?.length ?? 0) + 200;
      ops.push(waiting);
    }
    this.ops = later;
    let count = 0;
    while (count < this.starts.length && count < GROUP_OPS && bytes < GROUP_BYTES) {
      bytes += this.starts[count]?.op.input.length ?? 0;
      count++;
    }
    return { ops, starts: this.starts.splice(0, count) };
  }

  private settle(waiting: Waiting<RunOp, Ack>, ack: Ack): void {
    this.ops = this.ops.filter((w) => w !== waiting);
    waiting.resolve(ack);
  }

  private postpone(waiting: Waiting<RunOp, Ack>): void {
    waiting.skips++;
    waiting.notBefore = performance.now() + Math.min(5 * 2 ** Math.min(waiting.skips, 6), 200);
  }

  private untilNext(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.nudge?.(), Math.max(1, ms));
      this.nudge = () => {
        clearTimeout(timer);
        this.nudge = null;
        resolve();
      };
    });
  }

  private expireStarts(): void {
    const now = performance.now();
    for (const waiting of this.starts.filter((w) => now - w.since > START_PATIENCE)) {
      this.starts = this.starts.filter((w) => w !== waiting);
      waiting.reject(this.startError(waiting));
    }
  }

  private startError(waiting: Waiting<StartOp, StartResult>): Error {
    const { id, workflow } = waiting.op;
    return new DatabaseUnavailableError(
      waiting.alone
        ? `The connection broke while "${workflow}" was being started as ${id}, so it may or may not have been: look with getExecution("${id}").`
        : `"${workflow}" was not started: the database could not be reached. Start it again when it is back.`,
    );
  }

  private async backOff(error: unknown): Promise<void> {
    this.failures++;
    if (this.failures === 1) {
      this.onTrouble(`The journal could not be written and will be again: ${textOf(error)}`);
    }
    await sleep(Math.min(RETRY_MIN * 2 ** Math.min(this.failures - 1, 10), RETRY_MAX));
  }
}

function isStart(w: Waiting<RunOp, Ack> | Waiting<StartOp, StartResult>): w is Waiting<StartOp, StartResult> {
  return 'workflow' in w.op;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
