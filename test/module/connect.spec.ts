import { DatabaseUnavailableError } from '../../lib/core/errors/errors.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { targetOf, waitForDatabase } from '../../lib/lifecycle/connect.js';
import { resolveTarget } from '../../lib/storage/connection/connection.js';
import { createTestDatabase, urlOf } from '../support/database.js';
import { startFakePooler } from '../support/fake-pooler.js';
import { onServer } from '../support/leak-check.mjs';
import { startProxy } from '../support/tcp-proxy.js';

const refused = async (work: Promise<unknown>): Promise<DatabaseUnavailableError> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DatabaseUnavailableError)) throw error ?? new Error('expected it to be refused');
  return error;
};

const looking = (warnings: string[]) => ({ warn: (line: string) => void warnings.push(line), notify: true });

/** Nothing listens there: of a service that is no more, and no port that the system gives to whoever asks for one. */
const CLOSED_PORT = 1;

describe('waiting for the database at boot', () => {
  it('returns at once when it is there', async () => {
    const { url } = await createTestDatabase();
    const warnings: string[] = [];
    const found = await waitForDatabase(resolveTarget({ url }), { ...looking(warnings), patience: 0 });
    expect(found).toMatchObject({ direct: true, notified: true, encoding: 'UTF8' });
    expect(warnings).toEqual([]);
  });

  it('tries again, says so, and names host, port and database in the end, but not the password', async () => {
    const warnings: string[] = [];
    const target = resolveTarget({ url: `postgres://me:hunter2@127.0.0.1:${CLOSED_PORT}/orders` });
    const error = await refused(waitForDatabase(target, { ...looking(warnings), patience: 1_000 }));
    expect(error.code).toBe('DATABASE_UNAVAILABLE');
    expect(error.message).toContain(`127.0.0.1:${CLOSED_PORT}/orders`);
    expect(error.message).toContain('ECONNREFUSED');
    expect(warnings).toEqual([expect.stringMatching(/^The database at 127\.0\.0\.1:\d+\/orders cannot be used yet/)]);
    expect(JSON.stringify([error.message, warnings])).not.toMatch(/hunter2|\bme\b/);
  });

  it('goes on when the server takes connections again meanwhile', async () => {
    const { url } = await createTestDatabase();
    const proxy = await startProxy(Number(new URL(url).port));
    await proxy.down();
    let up: Promise<void> | undefined;
    // The warning is the proof that it was looked for before it was there.
    const warn = () => void (up ??= proxy.up());
    await waitForDatabase(resolveTarget({ url: proxy.through(url) }), { warn, notify: true });
    expect(up).toBeDefined();
    await up;
    await proxy.close();
  });

  it('does not try a database that there is none of again', async () => {
    const warnings: string[] = [];
    const target = resolveTarget({ url: urlOf('nothing_of_that_name') });
    const error = await refused(waitForDatabase(target, looking(warnings)));
    expect(error.message).toMatch(/"nothing_of_that_name" does not exist \(3D000\)/);
    expect(warnings).toEqual([]);
  });

  it('does not try a refused role again', async () => {
    const url = new URL(urlOf('postgres'));
    url.username = 'nobody_of_that_name';
    url.password = 'hunter2';
    const warnings: string[] = [];
    const error = await refused(waitForDatabase(resolveTarget({ url: url.href }), looking(warnings)));
    expect(error.message).toMatch(/refused user or password \(28/);
    expect(JSON.stringify([error.message, warnings])).not.toMatch(/hunter2|nobody_of_that_name/);
    expect(warnings).toEqual([]);
  });
});

describe('what the boot looks at first', () => {
  it('refuses a database whose encoding is not UTF8, naming it', async () => {
    const name = `latin_${uuidv7().replaceAll('-', '')}`;
    await onServer(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`);
    try {
      const found = waitForDatabase(resolveTarget({ url: urlOf(name) }), looking([]));
      await expect(found).rejects.toThrow(/expected a database with the encoding UTF8, .* has LATIN1/);
      await expect(found).rejects.toMatchObject({ code: 'CONFIGURATION' });
      const { message } = await found.then(
        () => new Error('it was taken'),
        (error: Error) => error,
      );
      const statement = /CREATE DATABASE .*'UTF8'/.exec(message)?.[0] ?? '';
      expect(statement).toContain(` "${name}_utf8" `);
      await onServer(statement);
      expect(await waitForDatabase(resolveTarget({ url: urlOf(`${name}_utf8`) }), looking([]))).toMatchObject({
        encoding: 'UTF8',
      });
      await onServer(`DROP DATABASE ${name}_utf8 WITH (FORCE)`);
    } finally {
      await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  it('waits while the server takes no writes', async () => {
    const { url, name } = await createTestDatabase();
    await onServer(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await expect(
      waitForDatabase(resolveTarget({ url }), { warn: () => {}, notify: false, patience: 0 }),
    ).rejects.toThrow(/ Reset that for the role, the database or the server, or name another in the option "database"/);
    let reset: Promise<unknown> | undefined;
    const warnings: string[] = [];
    const warn = (line: string) => {
      warnings.push(line);
      reset ??= onServer(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    };
    await waitForDatabase(resolveTarget({ url }), { warn, notify: false });
    expect(warnings[0]).toMatch(/cannot be used yet \(it takes no writes: default_transaction_read_only is on\)/);
    await reset;
  });

  it.each([
    ['of transactions, which lets no notification through', true, { direct: false, notified: false }],
    ['of sessions', false, { direct: false, notified: true }],
  ])('knows a pooler %s', async (_what, notifications, expected) => {
    const { url } = await createTestDatabase();
    const pooler = await startFakePooler(url, { notifications });
    const said: string[] = [];
    const target = { ...resolveTarget({ url: pooler.url }), onStatement: (text: string) => void said.push(text) };
    expect(await waitForDatabase(target, looking([]))).toMatchObject(expected);
    // Whoever has the session next is not to listen.
    const channels = said.flatMap((text) => /^(LISTEN|UNLISTEN) (\w+);/.exec(text)?.slice(1) ?? []);
    expect(channels).toEqual(['LISTEN', channels[1], 'UNLISTEN', channels[1]]);
    await pooler.close();
  });

  it.each([
    ['LISTEN', ['LISTEN']],
    ['pg_notify', ['LISTEN', 'UNLISTEN']],
  ])('takes a server that refuses %s for one whose notifications do not arrive', async (word, expected) => {
    const { url } = await createTestDatabase();
    const server = await startFakePooler(url, { notifications: false, word });
    const [said, warnings]: [string[], string[]] = [[], []];
    const target = { ...resolveTarget({ url: server.url }), onStatement: (text: string) => void said.push(text) };
    expect(await waitForDatabase(target, looking(warnings))).toMatchObject({ direct: false, notified: false });
    expect(warnings).toEqual([]);
    expect(said.flatMap((text) => /^(UN)?LISTEN(?= )/.exec(text)?.[0] ?? [])).toEqual(expected);
    await server.close();
  });

  it('tries again where it is refused for a reason that passes', async () => {
    const { url } = await createTestDatabase();
    const server = await startFakePooler(url, { notifications: false, cancels: 1 });
    const warnings: string[] = [];
    expect(await waitForDatabase(resolveTarget({ url: server.url }), looking(warnings))).toMatchObject({
      notified: true,
    });
    expect(warnings).toEqual([expect.stringMatching(/cannot be used yet \(canceling statement due to user request\)/)]);
    await server.close();
  });

  it('takes a pooler for granted where notifications are not wanted', async () => {
    const { url } = await createTestDatabase();
    const found = await waitForDatabase(resolveTarget({ url }), { warn: () => {}, notify: false });
    expect(found).toMatchObject({ direct: false, notified: false });
  });
});

describe('where the engine connects to', () => {
  it('is the URL, with what stands beside it', () => {
    const server = { connectionString: 'postgres://u@h/d', ssl: true };
    expect(targetOf({ kind: 'server', server }).config).toMatchObject({
      host: 'h',
      database: 'd',
      user: 'u',
      ssl: true,
    });
  });

  it('are the connection options', () => {
    expect(targetOf({ kind: 'server', server: { host: 'h', port: 1 } }).config).toMatchObject({ host: 'h', port: 1 });
  });
});
