import type { EngineStore, RunOp, StepTransaction } from '../engine/ports/store.js';

/** A commit that a worker is about to send. */
export interface Commit {
  readonly verb:
    'commitGroup' | 'commitAgain' | 'commitRemoteStep' | 'transaction' | 'cancelRun' | 'cancelChildren' | 'endLate';
  /** Its content: `charge completed`, `the run ended: completed`. */
  readonly what: string;
}

/** Moment of the worker's death: with the commit not sent, or with it done and the answer lost. */
export type CrashSide = 'before' | 'after';

/** A promise for the callers of a dead worker's store. Each has one of its own, to be forgotten with the caller. */
function never(): Promise<never> {
  return new Promise(() => {});
}

class Killed extends Error {}

/**
 * Stands between an engine and its store, and can shut: from then on nothing is sent and nothing answered, as if the
 * process were gone. What was on its way to the server may still arrive there, as it may with a real one.
 */
export class StoreGate {
  readonly store: EngineStore;
  /** Resolves when it is shut. */
  readonly shut: Promise<void>;
  /** Goes up with all that changes what there is to do. */
  activity = 0;
  private open = true;
  private resolveShut: () => void = () => {};
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(
    private readonly inner: EngineStore,
    /** Asked before each commit: whether the worker dies of it. */
    private readonly fate: (commit: Commit) => CrashSide | null,
  ) {
    this.shut = new Promise((resolve) => (this.resolveShut = resolve));
    this.store = new Proxy(inner, {
      get: (target, verb, receiver) => {
        const method: unknown = Reflect.get(target, verb, receiver);
        if (typeof method !== 'function' || typeof verb !== 'string') return method;
        // Asked of the process itself: nothing is sent.
        if (verb === 'canCommitBeside') return method.bind(target);
        if (verb === 'transaction') return (work: TransactionWork) => this.transaction(work);
        return (...args: unknown[]) => this.pass(verb, args, () => Reflect.apply(method, target, args) as unknown);
      },
    });
  }

  get isOpen(): boolean {
    return this.open;
  }

  close(): void {
    this.open = false;
    this.resolveShut();
  }

  /** Resolves when the server has answered all that was sent. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }

  private async pass(verb: string, args: unknown[], send: () => unknown): Promise<unknown> {
    if (!this.open) return never();
    const commit = commitOf(verb, args);
    const death = commit === null ? null : this.fate(commit);
    if (death === 'before') this.close();
    if (!this.open) return never();
    try {
      const answer = await this.track(Promise.resolve(send()));
      if (death === 'after') this.close();
      if (!this.open) return await never();
      if (commit !== null || isActivity(verb, answer)) this.activity++;
      return answer;
    } catch (error) {
      if (!this.open) return never();
      throw error;
    }
  }

  /** A step's own transaction commits after its work; the record is its last statement. */
  private async transaction<T>(work: TransactionWork<T>): Promise<T> {
    if (!this.open) return never();
    let death: CrashSide | null = null;
    const sent = this.inner.transaction(async (inner) => {
      const record: StepTransaction['record'] = (worker, op) => {
        if (!this.open) throw new Killed();
        death = this.fate({ verb: 'transaction', what: describe(op) });
        return inner.record(worker, op);
      };
      const { manager } = inner;
      const result = await work({
        manager,
        record,
        codeIs: (isCode) => inner.codeIs(isCode),
        hasEnded: () => inner.hasEnded(),
        lossBy: (thrown) => inner.lossBy(thrown),
      });
      if (death !== 'before') return result;
      this.close();
      // The server rolls back what a dead process has not committed.
      throw new Killed();
    });
    try {
      const result = await this.track(sent);
      if (death === 'after') this.close();
      if (!this.open) return await never();
      this.activity++;
      return result;
    } catch (error) {
      if (!this.open) return never();
      throw error;
    }
  }

  private async track<T>(sent: Promise<T>): Promise<T> {
    this.underWay.add(sent);
    try {
      return await sent;
    } finally {
      this.underWay.delete(sent);
    }
  }
}

type TransactionWork<T = unknown> = (transaction: StepTransaction) => Promise<T>;

function commitOf(verb: string, args: unknown[]): Commit | null {
  if (verb === 'cancelRun') return { verb, what: 'a child cancelled' };
  if (verb === 'endLate') return { verb, what: 'late runs ended' };
  if (verb === 'cancelChildren') return { verb, what: 'the children cancelled' };
  if (verb === 'commitRemoteStep') return { verb, what: describe(args[1] as Described) };
  if (verb !== 'commitGroup' && verb !== 'commitAgain') return null;
  const { ops, starts } = args[1] as { ops: readonly RunOp[]; starts: readonly { workflow: string }[] };
  const what = [...ops.map(describe), ...starts.map(({ workflow }) => `${workflow} started`)];
  return { verb, what: what.join('; ') };
}

interface Described {
  readonly records: readonly { readonly path: string; readonly status: string; readonly type: string }[];
  readonly outcome: { readonly kind: string; readonly status?: string } | null;
}

function describe({ records, outcome }: Described): string {
  const parts = records.filter(({ type }) => type !== 'remote').map(({ path, status }) => `${path} ${status}`);
  if (outcome?.kind === 'end') parts.push(`the run ended: ${outcome.status}`);
  else if (outcome !== null) parts.push(outcome.kind === 'park' ? 'the run suspended' : outcome.kind);
  return parts.join(', ');
}

/** Looks that find nothing are no activity. */
function isActivity(verb: string, answer: unknown): boolean {
  if (verb === 'claim') return Array.isArray(answer) && answer.length > 0;
  if (verb === 'matchEvents') return (answer as { woken: readonly unknown[] }).woken.length > 0;
  if (verb === 'cancelRun' || verb === 'cancelChildren' || verb === 'endLate') return true;
  return verb === 'wakeDue' && (answer as { woken: number }).woken > 0;
}
