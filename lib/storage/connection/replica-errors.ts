import { textOf } from '../../core/text-of.js';
import { ConnectionLostError, isConnectionError, isQueryTimeout, serverAnswer } from './connection-errors.js';
import { loginRefusal } from './refusals.js';

/** SQLSTATE: statement_timeout, a cancel by somebody, or one by the replay of the log. */
const CANCELLED = '57014';
/** SQLSTATEs: user or password, no such database. */
const SHUT = /^(28...|3D000)$/;
/** SQLSTATEs: no such schema, no such table. */
const NO_TABLES = new Set(['3F000', '42P01']);
/** SQLSTATE: no connection is left, of all or of the role. */
const FULL = '53300';

/** True: all sessions of the pool were in use for too long, which says nothing of the server. */
export function isFull(error: unknown): boolean {
  return textOf(error).includes('timeout exceeded when trying to connect');
}

/** True: no session of the server is to be had any more. */
export function isAway(error: unknown): boolean {
  return !isFull(error) && (isConnectionError(error) || SHUT.test(serverAnswer(error)?.code ?? ''));
}

/** True: the session was ended in the middle. One that gave no answer, or could not be opened, was not. */
export function wasCut(error: unknown): boolean {
  if (error instanceof ConnectionLostError && !error.sent) return false;
  return isConnectionError(error) && !isQueryTimeout(error) && !isFull(error);
}

export function isCancelled(error: unknown): boolean {
  return serverAnswer(error)?.code === CANCELLED;
}

/** SQLSTATE of a statement that this server refuses whenever it is sent: no right, no such column. Null: any other error. */
export function refusalOf(error: unknown): string | null {
  const code = serverAnswer(error)?.code ?? '';
  return code.startsWith('42') ? code : null;
}

/** Why a replica cannot be used. The server's own text may name the user. */
export function whyOf(error: unknown): string {
  const code = serverAnswer(error)?.code ?? '';
  if (NO_TABLES.has(code)) return 'it has no tables of nest-durable yet';
  if (code === FULL) return `it takes no more connections (${code})`;
  return loginRefusal(error) ?? textOf(error).replace(/\.$/, '');
}
