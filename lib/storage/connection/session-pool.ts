import { once } from 'node:events';
import pg from 'pg';
import { ConnectionLostError } from './connection-errors.js';
import { GOODBYE, within } from './connection.js';
import type { Session } from './session.js';
import type { Lender } from './transaction.js';

/** ms that a caller waits for a session of the pool to be free. */
const FREE_TIMEOUT = 5_000;
/** ms after which a session that nobody uses is closed. */
const IDLE_TIMEOUT = 30_000;

/**
 * The sessions that all share which have none of their own: what clients ask, reads, hints, schedules, limits.
 *
 * Nothing may hold one of them while it waits for a second.
 */
export class SessionPool extends pg.Pool {
  /**
   * For what may have to wait for a lock of somebody else: it leaves one session for the others, however many such calls
   * there are.
   */
  get lane(): Lender {
    return this.places;
  }

  private readonly places: Lane;

  /** Statements are tried once: who waits for a look wants an answer. */
  readonly triedOnce: boolean;

  /**
   * @param options.kept sessions that stay when nobody uses them. Default: 1
   * @param options.freeTimeout ms that a caller waits for one to be free. Default: 5000
   */
  constructor(make: () => Session, size: number, { kept = 1, triedOnce = false, freeTimeout = FREE_TIMEOUT } = {}) {
    super({
      max: size,
      min: kept,
      connectionTimeoutMillis: freeTimeout,
      idleTimeoutMillis: IDLE_TIMEOUT,
      allowExitOnIdle: true,
      Client: class {
        constructor() {
          return make();
        }
      } as unknown as typeof pg.Client,
    });
    // The pool drops a session that ends by itself; whoever uses it at that moment gets the error from the query.
    this.on('error', () => {});
    this.triedOnce = triedOnce;
    this.places = new Lane(this, Math.max(1, size - 1));
  }

  /** Somebody waits for a session. */
  get isShort(): boolean {
    return (this.waitingCount > 0 && this.idleCount === 0) || this.places.hasWaiters;
  }

  /**
   * Has one session less, so that one may be opened elsewhere. Resolves, once that one is gone, with what gives it back;
   * null: it has none to spare, since of two one is for calls that may wait for a lock and one for all others.
   * @throws what the pool's own session came to, when it was to be ended
   */
  async lend(): Promise<(() => void) | null> {
    const isFull = this.totalCount >= this.options.max;
    if (this.options.max < 3 || this.isShort || (isFull && this.idleCount === 0) || !this.places.take()) return null;
    this.options.max--;
    const giveBack = (): void => {
      this.options.max++;
      this.places.leave();
      // Whoever waits is served by the session that is opened for this.
      if (this.waitingCount > 0)
        void this.connect().then(
          (client) => client.release(),
          () => {},
        );
    };
    if (!isFull) return giveBack;
    try {
      const client = await this.connect();
      const ended = once(client, 'end');
      client.release(true);
      await within(GOODBYE, ended);
      (client as pg.PoolClient & Pick<Session, 'destroy'>).destroy();
      return giveBack;
    } catch (error) {
      giveBack();
      throw error;
    }
  }
}

/** Lends so many sessions of a pool at a time; whoever comes then waits here, not in the queue of the pool. */
class Lane implements Lender {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly pool: SessionPool,
    places: number,
  ) {
    this.free = places;
  }

  async connect(): Promise<pg.PoolClient> {
    await this.enter();
    try {
      const client = await this.pool.connect();
      const { release } = client;
      client.release = (broken) => {
        this.leave();
        release(broken);
      };
      return client;
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  get hasWaiters(): boolean {
    return this.waiting.length > 0;
  }

  /** Takes a place; false: none is free. */
  take(): boolean {
    if (this.free === 0) return false;
    this.free--;
    return true;
  }

  private enter(): Promise<void> | undefined {
    if (this.take()) return undefined;
    return new Promise((resolve, reject) => {
      const come = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(come), 1);
        reject(new ConnectionLostError('Every connection for calls that may wait for a lock is in use.', false));
      }, FREE_TIMEOUT);
      this.waiting.push(come);
    });
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free++;
    else next();
  }
}
