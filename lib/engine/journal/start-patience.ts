import { DatabaseUnavailableError } from '../../core/errors/errors.js';
import { LongTimer } from '../time/long-timer.js';
import { fail, type WaitingStart, type WriterQueue } from './writer-queue.js';

/** ms that a start waits for a database that is out of reach: a client has its answer within 30 s. */
const PATIENCE = 28_000;

const AWAY = 'The database could not be reached';
export const SHUT_DOWN = 'The app was shut down';

/** Ends the wait of starts that the database does not take in time, with an error that says whether they may have been made. */
export class StartPatience {
  private readonly timer = new LongTimer(() => this.look());
  private isRunning = false;

  constructor(private readonly queue: WriterQueue) {}

  /** There is one more start. */
  begin(): void {
    if (!this.isRunning) this.look();
  }

  /** Gives up what has waited long enough; what is on its way may have been started. */
  look(): void {
    const now = performance.now();
    const sent = new Set([...this.queue.underWay].flatMap((batch) => batch.starts));
    let oldest = Infinity;
    const late: WaitingStart[] = [];
    for (const waiting of [...this.queue.starts, ...sent]) {
      if (waiting.settled) continue;
      if (now - waiting.since < PATIENCE) oldest = Math.min(oldest, waiting.since);
      else late.push(waiting);
    }
    for (const waiting of late) fail(waiting, startError(waiting, AWAY, sent.has(waiting)));
    if (late.length > 0) this.queue.dropSettled();
    this.isRunning = oldest < Infinity;
    if (this.isRunning) this.timer.start(oldest + PATIENCE - now);
    else this.timer.clear();
  }

  /** Gives up all of them: the app is shut down. */
  end(): void {
    this.timer.clear();
    for (const waiting of this.queue.starts.splice(0)) fail(waiting, startError(waiting, SHUT_DOWN, false));
    for (const { starts } of this.queue.underWay)
      for (const waiting of starts) fail(waiting, startError(waiting, SHUT_DOWN, true));
  }
}

export function startError({ op: { id, workflow }, again }: WaitingStart, why: string, sent: boolean): Error {
  return new DatabaseUnavailableError(
    again || sent
      ? `${why} while "${workflow}" was being started as ${id}, so it may or may not have been: look with getExecution("${id}").`
      : `"${workflow}" was not started. ${why}: start it again when it is back.`,
  );
}
