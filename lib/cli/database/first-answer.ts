import { textOf } from '../../core/text-of.js';
import { serverAnswer, TakesNoWritesError } from '../../storage/connection/connection-errors.js';
import { type DatabaseTarget, describeTarget } from '../../storage/connection/database-target.js';
import { loginRefusal } from '../../storage/connection/refusals.js';
import { Failure } from '../failure.js';

/** SQLSTATE: no such database, no right to connect to it, it takes no connections. */
const NOT_FOR_US = /^(3D000|42501|55000)$/;
/** A pooler has one code for all that is wrong. */
const POOLER_HAS_NONE = /^database ".*" does not exist$/;
const TOO_MANY = '53300';
const STARTING = '57P03';
const TLS = /certificate|\bSSL\b|\bTLS\b/i;

/** A database that does not answer, or not us. */
export class Unusable extends Failure {
  constructor(
    readonly text: string,
    readonly mend: string,
  ) {
    super(`${text} ${mend}`);
  }
}

/**
 * What the first session says, tried once: a command says at once that the database is not there.
 * @throws Unusable that names host, port and database, never user or password
 */
export async function firstAnswer<T>(target: DatabaseTarget, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const { why, mend } = failureOf(error);
    throw new Unusable(`The database at ${describeTarget(target)} cannot be used: ${why}.`, mend);
  }
}

function failureOf(error: unknown): { readonly why: string; readonly mend: string } {
  const where = '--url or DATABASE_URL';
  const refused = loginRefusal(error);
  if (refused !== null) return { why: refused, mend: `Check user and password in ${where}.` };
  const { code = '', message = '' } = serverAnswer(error) ?? {};
  if (NOT_FOR_US.test(code) || POOLER_HAS_NONE.test(message)) {
    const mend = `Create the database, or give the user the right to it; or check its name in ${where}.`;
    return { why: `${message} (${code})`, mend };
  }
  const why = textOf(error)
    .replace(/^PostgreSQL \(.*?\) /, 'it ')
    // As the pool has it.
    .replace(/^Connection terminated due to connection timeout$/, 'timeout expired')
    .replace(/\.$/, '');
  return { why, mend: mendOf(error, code, where) };
}

/** Nobody looks for a server that has answered. */
function mendOf(error: unknown, code: string, where: string): string {
  if (error instanceof TakesNoWritesError) return `${error.mend} in ${where}.`;
  if (code === TOO_MANY)
    return 'End sessions that nobody needs, or raise max_connections, or the limit of the user or the database.';
  if (code === STARTING) return 'Wait until it has started, and try again.';
  if (TLS.test(textOf(error))) return `Check sslmode and certificates in ${where}.`;
  return `Check that PostgreSQL runs there, and ${where}.`;
}
