import type pg from 'pg';
import { ConnectionLostError } from './connection-errors.js';
import { wasCut } from './replica-errors.js';
import type { ReplicaMarks } from './replica-marks.js';
import type { SessionPool } from './session-pool.js';
import type { Lender } from './transaction.js';

/**
 * Sessions of a replica for as long as it can be used. Once it is left nobody waits for one any more: pg's pool would let
 * them wait for its time limit, and then say that it is full.
 */
export class ReplicaPool implements Lender {
  private isLeft = false;
  private readonly waiting = new Set<(error: Error) => void>();

  constructor(
    private readonly sessions: Pick<SessionPool, 'connect' | 'end'>,
    readonly marks: ReplicaMarks,
  ) {}

  connect(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      if (this.isLeft) return this.refuseAll();
      this.sessions.connect().then(
        (client) => {
          if (this.waiting.delete(reject)) resolve(client);
          else client.release();
        },
        (error: Error) => {
          this.waiting.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** A read, once more on another session where its own was cut off: that says nothing of the server. */
  async use<T>(work: (from: Lender) => Promise<T>): Promise<T> {
    try {
      return await work(this);
    } catch (error) {
      if (this.isLeft || !wasCut(error)) throw error;
      return work(this);
    }
  }

  /** Lends no more, and ends once all sessions are back. */
  leave(): Promise<void> {
    this.isLeft = true;
    this.refuseAll();
    return this.sessions.end();
  }

  private refuseAll(): void {
    for (const reject of this.waiting) reject(new ConnectionLostError('The replica is not read any more.', false));
    this.waiting.clear();
  }
}
