import { textOf } from '../../core/text-of.js';
import { serverAnswer } from '../../storage/connection/connection-errors.js';
import { type DatabaseTarget, describeTarget } from '../../storage/connection/database-target.js';
import { Failure } from '../failure.js';

/** SQLSTATE: refused user or password. The server's own text names the user. */
const REFUSED = /^28/;
/** SQLSTATE: no such database, no right to connect to it. */
const NOT_FOR_US = /^(3D000|42501)$/;

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
    throw new Unusable(
      `The database at ${describeTarget(target)} cannot be used: ${reasonOf(error)}.`,
      'Check that PostgreSQL runs there, and --url or DATABASE_URL.',
    );
  }
}

function reasonOf(error: unknown): string {
  const answer = serverAnswer(error);
  const code = answer?.code ?? '';
  if (REFUSED.test(code)) return `it refused user or password (${code})`;
  if (NOT_FOR_US.test(code)) return `${answer?.message} (${code})`;
  return (
    textOf(error)
      .replace(/^PostgreSQL \(.*?\) /, 'it ')
      // As the pool has it.
      .replace(/^Connection terminated due to connection timeout$/, 'timeout expired')
      .replace(/\.$/, '')
  );
}
