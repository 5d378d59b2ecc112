import { TransactionFailedError } from '../../core/errors/errors-client.js';
import { DatabaseUnavailableError } from '../../core/errors/errors.js';
import { errorOf, textOf } from '../../core/text-of.js';
import { isRetryableRejection, isScarcity, needsFreshSession, serverAnswer } from './connection-errors.js';

/** SQLSTATE: the lock was not to be had in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/** SQLSTATE: a statement of the transaction before this one was refused. */
const FAILED_BEFORE = '25P02';

/** A pooler has one code for all that is wrong. */
const POOLER_SAYS = /no such (database|user)|authentication failed/i;

/** Words for a refused user or password, by the server or a pooler: their own text names the user. Null: another error. */
export function loginRefusal(error: unknown): string | null {
  const answer = serverAnswer(error);
  const code = answer?.code ?? '';
  const refused = code.startsWith('28') || (code.startsWith('08') && POOLER_SAYS.test(answer?.message ?? ''));
  return refused ? `it refused user or password (${code})` : null;
}

/** The database stayed out of reach. */
export function databaseUnavailable(cause: unknown): DatabaseUnavailableError {
  if (cause instanceof DatabaseUnavailableError) return cause;
  return new DatabaseUnavailableError(
    `PostgreSQL cannot be reached (${textOf(cause)}). What was asked for may have been done: look before you ask again.`,
    { cause: bare(cause) },
  );
}

/** The server refused for a passing reason each time: as a rule somebody keeps a lock. */
export function stillLocked(cause: unknown, waitsFor: string | undefined, ms: number): DatabaseUnavailableError {
  const answer = serverAnswer(cause);
  const seconds = Math.round(ms / 1_000);
  const why =
    answer?.code === LOCK_NOT_AVAILABLE
      ? `Another transaction has kept ${waitsFor ?? 'what this call needs'} locked for ${seconds} s. ` +
        'Nothing was done. Look for a transaction that stays open (a caller of start() with `manager`, for one).'
      : `PostgreSQL refused ${waitsFor === undefined ? 'what was asked for' : `what was asked of ${waitsFor}`} for ` +
        `${seconds} s (${answer?.message}, ${answer?.code}). Nothing was done.`;
  return new DatabaseUnavailableError(why, { cause: bare(cause) });
}

/** The server refused for a reason that will not pass: no driver's error leaves the engine as it is. */
export function databaseRefused(cause: unknown): Error {
  const answer = serverAnswer(cause);
  // A fault in the engine or in the app's own code.
  if (answer === undefined) return errorOf(cause);
  return new DatabaseUnavailableError(`PostgreSQL refused the statement: ${answer.message} (${answer.code}).`, {
    cause: bare(cause),
  });
}

/** The same of a statement in a caller's transaction, which has failed by it. */
export function callersRefused(cause: unknown): Error {
  const { code = '', message = '' } = serverAnswer(cause) ?? {};
  // What is short of memory, or takes no writes, refuses the next transaction too.
  const passes = isRetryableRejection(cause) && !isScarcity(cause) && !needsFreshSession(cause);
  if (!passes && code !== FAILED_BEFORE) return databaseRefused(cause);
  return new TransactionFailedError(code, message, { cause: bare(cause) });
}

/** The server's answer without what quotes rows and statements (detail, where). Anything else as it is. */
function bare(cause: unknown): unknown {
  const answer = serverAnswer(cause);
  if (answer === undefined) return cause;
  const { code, severity, hint, schema, table, constraint } = answer;
  const known = Object.entries({ code, severity, hint, schema, table, constraint });
  const fields = Object.fromEntries(known.filter(([, value]) => value !== undefined));
  return Object.assign(new Error(answer.message), fields, { name: 'DatabaseError' });
}
