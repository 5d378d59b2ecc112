import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DatabaseTarget, ONE_HOST, resolveTarget, urlFault } from '../../storage/connection/database-target.js';
import { isSchemaName, SCHEMA_RULE } from '../../storage/sql.js';
import { Failure, usage } from '../failure.js';

export interface Where {
  readonly url: string | undefined;
  readonly schema: string | undefined;
}

export interface Reached {
  readonly target: DatabaseTarget;
  /** Of the same database, with what is secret in it. */
  readonly url: string;
  readonly schema: string;
  /** Lets go of an embedded server that was started for this command. */
  release(): Promise<void>;
}

/** Folder of the embedded server's data, from the working directory: the module's default. */
export const EMBEDDED = join('.durable', 'postgres');

/** @throws Failure for what is no name of a schema */
export function checkSchema(schema: string): void {
  if (!isSchemaName(schema)) throw usage(`--schema: expected ${SCHEMA_RULE}, got "${schema}".`);
}

/**
 * The database that is meant: `--url`, else DATABASE_URL, else the embedded one of this folder, which is started where it
 * does not run. Nothing of a URL but host, port and database is ever in a message.
 */
export async function reach(
  { url: option, schema = 'durable' }: Where,
  env: NodeJS.ProcessEnv,
  cwd: string,
  say: (text: string) => void,
): Promise<Reached> {
  checkSchema(schema);
  const variable = env['DATABASE_URL'] === '' ? undefined : env['DATABASE_URL'];
  const url = option ?? variable;
  if (url !== undefined) {
    const source = option === undefined ? 'DATABASE_URL' : '--url';
    const fault = urlFault(url);
    if (fault === 'hosts') throw usage(`${source} names several: expected ${ONE_HOST}.`);
    if (fault !== null) {
      throw usage(
        `${source} is not the URL of a PostgreSQL database: expected postgres://user:password@host:5432/database, ` +
          'with special characters of user and password percent-encoded.',
      );
    }
    return { target: resolveTarget({ url }), url, schema, release: async () => {} };
  }
  const dir = join(cwd, EMBEDDED);
  if (!existsSync(join(dir, 'data'))) {
    throw new Failure(
      `No database: give --url postgres://… or set DATABASE_URL (there is no embedded one in ${join(cwd, '.durable')} either).`,
    );
  }
  const { startEmbedded } = await import('../../storage/embedded/server.js');
  // That it runs is nothing to tell.
  const server = await startEmbedded({ dir, log: (line) => line.startsWith('using') || say(line) });
  return { target: resolveTarget({ url: server.url }), url: server.url, schema, release: () => server.stop() };
}
