import { AsyncResource } from 'node:async_hooks';

interface SetTimer {
  readonly at: number;
  readonly fire: () => void;
}

/**
 * Time that passes with the turns of the event loop: `performance.now()`, `setTimeout` and `clearTimeout` go by it while
 * `work` is done. What happens is then the same on every machine, and the same each time, and a pause costs the turns
 * that it takes. `setImmediate` stays what it is. For worlds in memory: what comes over a socket takes real time.
 *
 * @param turnMs how long a turn takes
 */
export async function byTurns<T>(turnMs: number, work: (time: TurnTime) => Promise<T>): Promise<T> {
  const { setTimeout, clearTimeout } = globalThis;
  const performance = Object.getOwnPropertyDescriptor(globalThis, 'performance') ?? {};
  const time = new TurnTime();
  const set = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): object =>
    time.set(() => callback(...args), ms);
  Object.assign(globalThis, { setTimeout: set, clearTimeout: (timer: unknown) => time.clear(timer) });
  Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => time.now } });
  let over = false;
  const turn = (): void => {
    if (over) return;
    time.pass(turnMs);
    setImmediate(turn);
  };
  turn();
  try {
    return await work(time);
  } finally {
    over = true;
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Object.defineProperty(globalThis, 'performance', performance);
  }
}

export class TurnTime {
  private current = 0;
  private readonly timers = new Map<unknown, SetTimer>();
  /** No timer is due before. */
  private next = Infinity;

  /** ms */
  get now(): number {
    return this.current;
  }

  /** Lets so many ms go by. What falls due is done in the next turn. */
  pass(ms: number): void {
    this.current += ms;
    if (this.next > this.current) return;
    this.next = Infinity;
    const due: [unknown, SetTimer][] = [];
    for (const one of this.timers) {
      const { at } = one[1];
      if (at <= this.current) due.push(one);
      else this.next = Math.min(this.next, at);
    }
    for (const [handle] of due.sort(([, a], [, b]) => a.at - b.at)) {
      // Each in a macrotask of its own, as timers are; one before it may clear it.
      setImmediate(() => {
        const timer = this.timers.get(handle);
        this.timers.delete(handle);
        timer?.fire();
      });
    }
  }

  set(action: () => void, ms = 1): object {
    const handle = {};
    const at = this.current + Math.max(1, ms);
    // As with any timer, it is done in the context of whoever sets it.
    this.timers.set(handle, { at, fire: AsyncResource.bind(action) });
    this.next = Math.min(this.next, at);
    return handle;
  }

  clear(timer: unknown): void {
    this.timers.delete(timer);
  }
}
