import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../lib/storage/embedded/free-port.js';
import { locatePostgres } from '../../lib/storage/embedded/postgres-binaries.js';
import { judge } from '../support/faults/verdict.js';
import { until } from '../support/until.js';
import { fault, quantile, type Trial } from './fault.js';
import { PGBOUNCER } from './needs.js';
import { openSite, QUEUES, type Site } from './site.js';

const SECONDS = { full: 30, short: 4 };
const RUNS = { full: 400, short: 60 };
const ROUNDS = { full: 3, short: 1 };

fault(
  {
    name: 'pooler',
    title: 'PgBouncer in transaction mode, default options',
    bar: 'no session setting leaks; runs as fast as with `notify: false`',
    how:
      'PgBouncer stood between the server and everybody, with `pool_mode = transaction` and nothing else set; the engine had its ' +
      'defaults and was not told of it. Sessions of another application in the same pool were looked at before and afterwards.',
    needs: ['pgbouncer'],
    injections: { full: 1, short: 1 },
    runs: { full: 200, short: 20 },
  },
  async (trial) => {
    const server = new URL(process.env['TEST_SERVER_URL'] ?? '');
    const port = await startPgBouncer(trial, server);
    const through = (url: string): string => {
      const changed = new URL(url);
      changed.port = String(port);
      return changed.href;
    };
    const site = await openSite(trial, { clientUrl: through });
    const { ground, load: begin, worker } = site;
    const pooled = through(ground.url);
    const before = await foundInSessions(pooled);
    for (const label of ['one', 'two']) await worker({ label, engineUrl: pooled });
    const load = begin();
    const since = performance.now();
    await until(() => performance.now() - since > trial.size(SECONDS) * 1_000);
    const verdict = await judge(ground, load, { again: [] });
    expect(await foundInSessions(pooled)).toEqual(before);

    const [byDefault, without]: number[][] = [[], []];
    for (let round = 0; round < trial.size(ROUNDS); round++) {
      byDefault?.push(await measure(trial, site, pooled, {}));
      without?.push(await measure(trial, site, pooled, { notify: false }));
    }
    const [fast, slow] = [quantile(without ?? [], 0), quantile(byDefault ?? [], 0)];
    if (!trial.short) expect(slow).toBeLessThan(fast * 1.25);
    return {
      injected: { pooler: 1 },
      runs: load.runs.length,
      load: `${load.runs.length} runs, then ${RUNS.full} at once in each of ${2 * ROUNDS.full} rounds`,
      verdict,
      seen: [
        `${trial.size(RUNS)} runs of three steps at once took ${slow} ms with the defaults, ${fast} ms with \`notify: false\` (best of ${trial.size(ROUNDS)}).`,
        'No setting, LISTEN, advisory lock or prepared statement was left on any session of the pool.',
      ],
    };
  },
);

/** Returns its port. */
async function startPgBouncer(trial: Trial, server: URL): Promise<number> {
  const { account } = await locatePostgres();
  const folder = await mkdtemp('/tmp/nest-durable-pgbouncer-');
  const port = await freePort();
  const config = join(folder, 'pgbouncer.ini');
  const target = `host=127.0.0.1 port=${server.port} user=${server.username} password=${server.password}`;
  await writeFile(
    config,
    `[databases]\n* = ${target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\n` +
      `auth_type = any\npool_mode = transaction\n`,
  );
  if ('uid' in account) await Promise.all([folder, config].map((path) => chown(path, account.uid, account.gid)));
  const child = spawn(PGBOUNCER, ['-q', config], { ...account, cwd: folder, stdio: 'ignore' });
  trial.after(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true });
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`);
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'anybody', database: 'postgres' });
    client.on('error', () => {});
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    );
  });
  return port;
}

/** What sessions of the pool have that a fresh one has not; asks many at once, so that none is left out. */
async function foundInSessions(url: string): Promise<string[]> {
  const clients = Array.from({ length: 20 }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  // Each holds a session while the others ask.
  const found = await Promise.all(
    clients.map(async (client) => {
      await client.query('BEGIN');
      const { rows } = await client.query<{ what: string }>(`
        SELECT name || ' = ' || setting AS what FROM pg_settings
          WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding')
            AND name NOT LIKE 'transaction_%'
        UNION ALL SELECT 'LISTEN ' || pg_listening_channels()
        UNION ALL SELECT 'statement ' || name FROM pg_prepared_statements
        UNION ALL SELECT 'advisory lock' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`);
      return rows.map(({ what }) => what);
    }),
  );
  await Promise.all(clients.map((client) => client.query('COMMIT').then(() => client.end())));
  return [...new Set(found.flat())].toSorted();
}

/** ms that many runs at once take. */
async function measure(trial: Trial, site: Site, engineUrl: string, more: { notify?: boolean }): Promise<number> {
  const queue = `measured ${Math.random()}`;
  const one = await site.worker({ label: queue, engineUrl, options: { queues: { ...QUEUES, [queue]: {} }, ...more } });
  const items = Array.from({ length: trial.size(RUNS) }, () => ({ input: {} }));
  const since = performance.now();
  const runs = await site.client.startMany('three', items, { queue });
  await Promise.all(runs.map((run) => run.result()));
  const ms = performance.now() - since;
  await one.end('SIGTERM');
  return ms;
}
