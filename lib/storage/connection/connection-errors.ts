import type pg from 'pg';
import { DatabaseUnavailableError } from '../../core/errors/errors.js';
import { read } from '../../core/text-of.js';

/** The connection broke, could not be opened, or gave no answer in time. */
export class ConnectionLostError extends DatabaseUnavailableError {
  constructor(
    message: string,
    /** True: the statement had been sent, so that it may have been committed all the same. */
    readonly sent: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** A new session could not write. */
export class TakesNoWritesError extends ConnectionLostError {
  constructor(
    where: string,
    /** True: the server is a standby; false: the role, the database or the server is set so. */
    readonly isStandby: boolean,
  ) {
    const why = isStandby ? 'it is a standby' : 'default_transaction_read_only is on';
    super(`PostgreSQL (${where}) takes no writes: ${why}.`, false);
  }

  /** What helps, as the beginning of a sentence. */
  get mend(): string {
    return this.isStandby ? 'Name the primary' : 'Reset that for the role, the database or the server, or name another';
  }
}

/** Error codes of sockets and name lookup. */
const NETWORK =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EAI_FAIL|E(HOST|NET)(UNREACH|DOWN)|ERR_STREAM.*)$/;

const QUERY_TIMEOUT = 'Query read timeout';

/** pg gives these no code. */
const PG_MESSAGES = new RegExp(
  [
    '^Connection terminated',
    '^timeout expired$',
    '^timeout exceeded when trying to connect$',
    `^${QUERY_TIMEOUT}$`,
    '^Client has encountered a connection error',
    '^Client was closed and is not queryable$',
    '^Client network socket disconnected',
  ].join('|'),
);

/**
 * SQLSTATEs that mean the session is over or could not be had: connection exceptions (08), shutdown, crash and
 * startup of the server (57P01–57P05), too many connections (53300), sessions ended by a timeout of the server
 * (25P03, 25P04), and 40003, whose name is "statement completion unknown".
 */
const SESSION_OVER = /^(08...|57P0[1-5]|53300|25P0[34]|40003)$/;

/**
 * Answers that another try may well not get: serialization failure, deadlock (40), lock not available (55P03),
 * cancelled by a timeout or by somebody (57014), out of disk, memory or the like (53), I/O error (58030), and what
 * the session was unfit for.
 */
const TRY_AGAIN = /^(40...|55P03|57014|53...|58030)$/;

/**
 * True when the database was out of reach: the statement's outcome is unknown, unless `sent` of a ConnectionLostError is
 * false.
 */
export function isConnectionError(error: unknown): boolean {
  return chain(error).some((one) => {
    if (one instanceof ConnectionLostError) return true;
    if (isServerAnswer(one)) return SESSION_OVER.test(one.code ?? '');
    const { code, syscall, message } = one as { code?: unknown; syscall?: unknown; message?: unknown };
    // ENOENT of a Unix socket, not of any file.
    if (code === 'ENOENT') return syscall === 'connect';
    return NETWORK.test(String(code)) || PG_MESSAGES.test(String(message));
  });
}

/**
 * True when the server itself refused the statement, so that its transaction was surely rolled back. False: the outcome
 * is unknown.
 *
 * A session that is being ended is no such answer: the server may report 57P01 for a statement whose commit has
 * happened (it looks for interrupts after the commit, and before it says so).
 */
export function isRejectedByServer(error: unknown): boolean {
  const answer = serverAnswer(error);
  if (chain(error).some((one) => one instanceof ConnectionLostError)) return false;
  return (
    answer?.code !== undefined && !SESSION_OVER.test(answer.code) && !/^(FATAL|PANIC)$/.test(answer.severity ?? '')
  );
}

/** True for a passing refusal by the server: the same statement may succeed when it is sent again. */
export function isRetryableRejection(error: unknown): boolean {
  const answer = serverAnswer(error);
  return isRejectedByServer(error) && (TRY_AGAIN.test(answer?.code ?? '') || needsFreshSession(error));
}

/** True when the server lacks disk, memory or the like, which refuses every statement. */
export function isScarcity(error: unknown): boolean {
  return /^(53...|58030)$/.test(serverAnswer(error)?.code ?? '');
}

/**
 * True when the statement could not run in this session: the server has become a standby (25006, after a
 * failover), or the session's prepared statements are not what they were (26000 and 42P05 behind a pooler, 0A000
 * after a change of a table).
 */
export function needsFreshSession(error: unknown): boolean {
  const answer = serverAnswer(error);
  const code = answer?.code ?? '';
  // The message is in the server's language (lc_messages), the name of its routine in none.
  const isStalePlan = (): boolean =>
    answer?.routine === 'RevalidateCachedQuery' || /cached plan/.test(answer?.message ?? '');
  return ['25006', '26000', '42P05'].includes(code) || (code === '0A000' && isStalePlan());
}

/** True when a lock was not to be had in time. */
export function isLockTimeout(error: unknown): boolean {
  return serverAnswer(error)?.code === '55P03';
}

/** True when the server takes no writes (any more). */
export function isReadOnly(error: unknown): boolean {
  return serverAnswer(error)?.code === '25006';
}

/** True when pg has given up waiting for the answer, by a `query_timeout` of the connection. */
export function isQueryTimeout(error: unknown): boolean {
  return chain(error).some((one) => (one as { message?: unknown }).message === QUERY_TIMEOUT);
}

/** The server's error itself, also inside TypeORM's wrapper. */
export function serverAnswer(error: unknown): pg.DatabaseError | undefined {
  return chain(error).find(isServerAnswer);
}

/** By its looks, since the app's TypeORM may have brought another copy of pg than ours. */
function isServerAnswer(error: object): error is pg.DatabaseError {
  const code = read(error, 'code');
  return typeof read(error, 'severity') === 'string' && typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
}

/** The error and what it wraps (`driverError` is TypeORM's), outermost first. */
function chain(error: unknown): object[] {
  const found: object[] = [];
  for (let one = error; typeof one === 'object' && one !== null && !found.includes(one);) {
    found.push(one);
    one = read(one, 'driverError') ?? read(one, 'cause');
  }
  return found;
}
