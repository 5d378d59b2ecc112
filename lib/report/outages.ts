import { spanOf } from '../core/standing/words.js';
import { textOf } from '../core/text-of.js';
import { isConnectionError, serverAnswer } from '../storage/connection/connection.js';
import { oneLine } from './lines.js';
import type { ReportLog } from './limited-log.js';

/** ms in which it comes out whether a lost connection is an outage: an attempt to open another takes up to 5 s. */
const OPEN_TIMEOUT = 6_000;

/**
 * Says once that the database is lost, and once that it is back, however many connections, loops and calls notice it. It is
 * lost when no session can be opened: one that was cut and comes back at once is no outage.
 */
export class Outages {
  /** performance.now() at which it was lost. */
  private since: number | null = null;
  /** Times that it was lost. */
  private count = 0;
  private readonly delayed = new Set<NodeJS.Timeout>();
  private closed = false;

  constructor(
    private readonly to: ReportLog,
    /** Host, port and database. */
    private readonly where: string,
    private readonly signal: AbortSignal,
  ) {}

  /** An attempt to open a session has come to its end; null: it is open. */
  readonly opened = (failure: unknown): void => {
    if (failure === null) this.back();
    else this.failed(failure);
  };

  /** Something has failed that is tried again; not said where it is for an outage, which is said by itself. */
  trouble(message: string, cause: unknown): void {
    if (cause === undefined || !isConnectionError(cause)) return this.to.warn(oneLine(message));
    // What is cut short when all is closed is no trouble.
    if (this.since !== null || this.closed) return;
    const { count } = this;
    const timer = setTimeout(() => {
      this.delayed.delete(timer);
      if (count === this.count) this.to.warn(oneLine(message));
    }, OPEN_TIMEOUT).unref();
    this.delayed.add(timer);
  }

  close(): void {
    this.closed = true;
    for (const timer of this.delayed) clearTimeout(timer);
    this.delayed.clear();
  }

  private failed(failure: unknown): void {
    // A shutdown closes sessions that are being opened. A server that has no more of them serves those that are open.
    const code = serverAnswer(failure)?.code ?? '';
    if (this.since !== null || this.signal.aborted || code === TOO_MANY) return;
    this.since = performance.now();
    this.count++;
    // The server's own text names the user.
    const why = REFUSED.test(code)
      ? `it refused user or password (${code})`
      : oneLine(textOf(failure)).replace(/\.$/, '');
    this.to.error(
      `The database at ${this.where} is lost: ${why}. Runs go on when it is back; nothing has to be done here.`,
    );
  }

  private back(): void {
    if (this.since === null) return;
    const ms = performance.now() - this.since;
    this.since = null;
    this.to.warn(`The database at ${this.where} is back after ${spanOf(ms)}.`);
  }
}

/** SQLSTATE: too many connections. */
const TOO_MANY = '53300';
/** SQLSTATEs: user or password. */
const REFUSED = /^28/;
