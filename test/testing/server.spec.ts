import { jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { type Fork, Forks } from '../support/forks.js';
import { onServer } from '../support/leak-check.mjs';
import { onTestServer } from './support.js';
import { until } from '../support/until.js';

interface Told {
  readonly url: string;
  readonly second: string;
  readonly directory: string;
  readonly result: unknown;
  readonly others: number;
}

/** Each makes a server, or a process with the whole package in it. */
jest.setTimeout(300_000);

const processes = new Forks<Told>(new URL('./process.ts', import.meta.url));

function start(databaseUrl: string | undefined, ...args: string[]): Promise<Fork<Told>> {
  return processes.start(args, { DATABASE_URL: databaseUrl ?? '' });
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  );
}

/** The first value that a statement gives. */
async function first(connectionString: string, statement: string): Promise<unknown> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

async function databasesLike(name: string): Promise<number> {
  const prefix = name.slice(0, name.lastIndexOf('_'));
  return (await onServer('SELECT FROM pg_database WHERE starts_with(datname, $1)', [prefix])).length;
}

describe('the embedded server', () => {
  it('serves the tests of a process, each on a database of its own, and goes with it, by kill -9 too', async () => {
    const child = await start(undefined);
    const { told } = child;
    expect(told).toMatchObject({ result: { greeting: 'hello ann' }, others: 0 });
    expect(new URL(told.second).port).toBe(new URL(told.url).port);
    expect(nameOf(told.second)).not.toBe(nameOf(told.url));
    expect(existsSync(told.directory)).toBe(true);
    // Both cost a test for nothing where the data is thrown away: a key derived 4 096 times a session, a clone through the WAL.
    expect(
      await first(told.url, `SELECT split_part(rolpassword, ':', 1) FROM pg_authid WHERE rolname = 'postgres'`),
    ).toBe('SCRAM-SHA-256$1');
    expect(
      Number(
        await first(told.url, 'SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn) FROM pg_control_checkpoint()'),
      ),
    ).toBeLessThan(4_000_000);
    await child.end('SIGKILL');
    await until(async () => !(await answers(told.url)));
    await until(() => !existsSync(told.directory));
  });

  it('does not keep the process alive', async () => {
    const child = await start(undefined, 'close');
    await child.gone();
    expect(child.exitCode).toBe(0);
    await until(() => !existsSync(child.told.directory));
  });
});

describe('the server of DATABASE_URL', () => {
  it('is left as it was found, after a kill -9 too', async () => {
    const child = await start(onTestServer.databaseUrl);
    const { told } = child;
    expect(told).toMatchObject({ result: { greeting: 'hello ann' }, others: 0 });
    expect(new URL(told.url).host).toBe(new URL(onTestServer.databaseUrl ?? '').host);
    expect(await databasesLike(nameOf(told.url))).toBe(3);
    await child.end('SIGKILL');
    await until(async () => (await databasesLike(nameOf(told.url))) === 0);
  });
});
