import pg from 'pg';
import { DatabaseUnavailableError } from '../lib/core/errors.js';
import { targetOf, waitForDatabase } from '../lib/durable.connect.js';
import { resolveTarget } from '../lib/storage/connection.js';
import { createTestDatabase, urlOf } from './support/database.js';

const refused = async (work: Promise<unknown>): Promise<DatabaseUnavailableError> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DatabaseUnavailableError)) throw error ?? new Error('expected it to be refused');
  return error;
};

/** Nothing listens there: of a service that is no more, and no port that the system gives to whoever asks for one. */
const CLOSED_PORT = 1;

describe('waiting for the database at boot', () => {
  it('returns at once when it is there', async () => {
    const { url } = await createTestDatabase();
    const warnings: string[] = [];
    await waitForDatabase(resolveTarget({ url }), (line) => warnings.push(line), 0);
    expect(warnings).toEqual([]);
  });

  it('tries again, says so, and names host, port and database in the end, but not the password', async () => {
    const warnings: string[] = [];
    const target = resolveTarget({ url: `postgres://me:hunter2@127.0.0.1:${CLOSED_PORT}/orders` });
    const error = await refused(waitForDatabase(target, (line) => warnings.push(line), 1_000));
    expect(error.code).toBe('DATABASE_UNAVAILABLE');
    expect(error.message).toContain(`127.0.0.1:${CLOSED_PORT}/orders`);
    expect(error.message).toContain('ECONNREFUSED');
    expect(warnings).toEqual([expect.stringMatching(/^The database at 127\.0\.0\.1:\d+\/orders is not there yet/)]);
    expect(JSON.stringify([error.message, warnings])).not.toMatch(/hunter2|\bme\b/);
  });

  it('goes on when the database appears meanwhile', async () => {
    const name = `${new URL((await createTestDatabase()).url).pathname.slice(1)}_late`;
    const server = new pg.Client({ connectionString: urlOf('postgres') });
    await server.connect();
    try {
      let created: Promise<unknown> | undefined;
      // The warning is the proof that it was looked for before it was there.
      await waitForDatabase(
        resolveTarget({ url: urlOf(name) }),
        () => (created ??= server.query(`CREATE DATABASE ${name}`)),
      );
      expect(created).toBeDefined();
      await created;
    } finally {
      await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await server.end();
    }
  });

  it('does not try a refused role again', async () => {
    const url = new URL(urlOf('postgres'));
    url.username = 'nobody_of_that_name';
    url.password = 'hunter2';
    const warnings: string[] = [];
    const error = await refused(waitForDatabase(resolveTarget({ url: url.href }), (line) => warnings.push(line)));
    expect(error.message).toMatch(/refused user or password \(28/);
    expect(JSON.stringify([error.message, warnings])).not.toMatch(/hunter2|nobody_of_that_name/);
    expect(warnings).toEqual([]);
  });
});

describe('where the engine connects to', () => {
  it('is the URL, with what stands beside it', () => {
    const server = { connectionString: 'postgres://h/d', ssl: true };
    expect(targetOf({ kind: 'server', server }).config).toEqual({ connectionString: 'postgres://h/d', ssl: true });
  });

  it('are the connection options', () => {
    expect(targetOf({ kind: 'server', server: { host: 'h', port: 1 } }).config).toEqual({ host: 'h', port: 1 });
  });
});
