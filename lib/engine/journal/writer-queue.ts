import type { Ack, RunOp, StartOp } from '../ports/store.js';

/** True: this process has claimed the run; false: it is in the queue for any worker. */
export type StartResult = boolean;

export interface Waiting<Op, Result> {
  readonly op: Op;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** performance.now() when it was handed in. */
  readonly since: number;
  /** Refusals that count after which it is given up. */
  readonly most: number;
  settled: boolean;
  /** Its answer was lost: it is looked for before it is written. */
  again: boolean;
  /** A group with it was refused: it goes by itself. */
  alone: boolean;
  /** Not tried before (performance.now()): its row was locked, or it was refused for a passing reason. */
  notBefore: number;
  /** Times that it was put off. */
  tries: number;
  refusals: number;
  /** Commits of the process that had succeeded when it was handed in, or last refused. */
  successes: number;
}

export type WaitingOp = Waiting<RunOp, Ack>;
export type WaitingStart = Waiting<StartOp, StartResult>;

/** The content of one commit. */
export interface Batch {
  readonly ops: readonly WaitingOp[];
  readonly starts: readonly WaitingStart[];
  readonly again: boolean;
}

/** Bounds of one group: beyond them the statement's own size starts to cost latency. */
const GROUP_OPS = 500;
const GROUP_BYTES = 4_000_000;
/**
 * Operations of a group that goes while another is under way: as few as pay for a statement and a commit of their own (30 cost
 * more than they gain), and as many as keep the other from running dry.
 */
const BESIDE = { least: 50, most: 100 } as const;

/** The queue of the journal writer: all that is to be written, in order. */
export class WriterQueue {
  ops: WaitingOp[] = [];
  starts: WaitingStart[] = [];
  /** Batches that were given out and are not back. */
  private readonly sent = new Set<Batch>();
  /** Rows of their operations. */
  private readonly sentRows = new Set<string>();
  /** True: the last batch was an operation alone; a group goes next, so that groups are not kept waiting. */
  private aloneWentLast = false;

  get isEmpty(): boolean {
    return this.ops.length === 0 && this.starts.length === 0;
  }

  /** What is under way. */
  get underWay(): ReadonlySet<Batch> {
    return this.sent;
  }

  /** True: there is enough for two groups at a time, beside what is under way. After a refusal one goes after the other. */
  isForTwo(now: number): boolean {
    const least = Math.max(BESIDE.least, 2 * BESIDE.least - this.sentRows.size);
    if (this.ops.length < least || this.ops.some((w) => w.alone)) return false;
    let count = 0;
    for (const { op, notBefore } of this.ops) {
      if (op.extras === null && notBefore <= now && !this.sentRows.has(op.rowId)) count++;
      if (count === least) return true;
    }
    return false;
  }

  /** A batch is back. */
  back(batch: Batch): void {
    this.sent.delete(batch);
    for (const { op } of batch.ops) this.sentRows.delete(op.rowId);
  }

  /** Back to the front, but for what was settled meanwhile. */
  putBack({ ops, starts }: Batch): void {
    this.ops.unshift(...ops.filter((w) => !w.settled));
    this.starts.unshift(...starts.filter((w) => !w.settled));
  }

  /** Starts that have been given up. */
  dropSettled(): void {
    this.starts = this.starts.filter((w) => !w.settled);
  }

  remove(waiting: WaitingOp | WaitingStart): void {
    if (isStart(waiting)) this.starts = this.starts.filter((w) => w !== waiting);
    else this.ops = this.ops.filter((w) => w !== waiting);
  }

  /**
   * The next batch, which is under way from then on; null: nothing is due yet.
   * @param byTwos groups of a size that lets two be under way at a time
   */
  next(now: number, byTwos: boolean): Batch | null {
    const batch = this.take(now, byTwos);
    if (batch !== null) this.out(batch);
    return batch;
  }

  /** A batch is under way. */
  out(batch: Batch): void {
    this.sent.add(batch);
    for (const { op } of batch.ops) this.sentRows.add(op.rowId);
  }

  private take(now: number, byTwos: boolean): Batch | null {
    const isDue = (w: WaitingOp | WaitingStart): boolean => w.alone && w.notBefore <= now;
    const alone = this.ops.find((w) => isDue(w) && !this.sentRows.has(w.op.rowId)) ?? this.starts.find(isDue);
    if (alone === undefined || this.aloneWentLast) {
      this.aloneWentLast = false;
      const group = this.group(now, byTwos);
      if (group.ops.length > 0 || group.starts.length > 0) return group;
    }
    if (alone === undefined) return null;
    this.aloneWentLast = true;
    this.remove(alone);
    const { again } = alone;
    return isStart(alone) ? { ops: [], starts: [alone], again } : { ops: [alone], starts: [], again };
  }

  /** performance.now() when the next is due. */
  nextDue(): number {
    return Math.min(...this.ops.map((w) => w.notBefore), ...this.starts.map((w) => w.notBefore));
  }

  private group(now: number, byTwos: boolean): Batch {
    const half = Math.ceil((this.ops.length + this.sentRows.size) / 2);
    const most = byTwos ? Math.min(Math.max(half, BESIDE.least), BESIDE.most) : GROUP_OPS;
    // Ends of children, and starts, meet at the same rows: one such group at a time.
    const plainOnly = [...this.sent].some((batch) => !isPlain(batch));
    // What may have landed is looked for in a group of its own. What cannot go now, since its row is locked, keeps no other back.
    const mayGo = (w: WaitingOp): boolean =>
      !w.alone && w.notBefore <= now && !this.sentRows.has(w.op.rowId) && (meetsNone(w) || !plainOnly);
    const again =
      this.ops.some((w) => w.again && mayGo(w)) || (!plainOnly && this.starts.some((w) => w.again && !w.alone));
    const ops: WaitingOp[] = [];
    const later: WaitingOp[] = [];
    const seen = new Set<string>();
    let bytes = 0;
    for (const waiting of this.ops) {
      // Two operations of one run go in their order, the second once the first is back.
      const { rowId } = waiting.op;
      const fits = !seen.has(rowId) && ops.length < most && bytes < GROUP_BYTES;
      seen.add(rowId);
      if (!fits || waiting.again !== again || !mayGo(waiting)) {
        later.push(waiting);
        continue;
      }
      for (const record of waiting.op.records) bytes += (record.output?.length ?? 0) + 200;
      ops.push(waiting);
    }
    this.ops = later;
    const starts: WaitingStart[] = [];
    const laterStarts: WaitingStart[] = [];
    for (const waiting of this.starts) {
      const fits = starts.length < GROUP_OPS && bytes < GROUP_BYTES && !plainOnly;
      if (!fits || waiting.alone || waiting.again !== again) {
        laterStarts.push(waiting);
        continue;
      }
      bytes += waiting.op.input.length;
      starts.push(waiting);
    }
    this.starts = laterStarts;
    return { ops, starts, again };
  }
}

/** What was left out was locked, as a rule by the end of a child that the other group may have again. */
function meetsNone({ op, tries }: WaitingOp): boolean {
  return op.extras === null && tries === 0;
}

function isPlain({ ops, starts }: Batch): boolean {
  return starts.length === 0 && ops.every(({ op }) => op.extras === null);
}

export function isStart(w: WaitingOp | WaitingStart): w is WaitingStart {
  return 'workflow' in w.op;
}

export function settle<Result>(waiting: Waiting<unknown, Result>, result: Result): void {
  waiting.settled = true;
  waiting.resolve(result);
}

export function fail(waiting: WaitingOp | WaitingStart, error: unknown): void {
  waiting.settled = true;
  waiting.reject(error);
}

/** Lets the others go before it, with a growing delay in ms. */
export function postpone(waiting: WaitingOp | WaitingStart, ms: number, most: number): void {
  waiting.tries++;
  waiting.notBefore = performance.now() + Math.min(ms * 2 ** Math.min(waiting.tries - 1, 10), most);
}
