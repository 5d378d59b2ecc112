import type { DurableClient, ExecutionStatus } from 'nest-durable';
import { DataSource } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { openApp } from '../support/faults/app.js';
import { judge, type Verdict } from '../support/faults/verdict.js';
import { onServer } from '../support/leak-check.mjs';
import { smoke, smokeWorkflows } from '../support/smoke.js';
import { fault, type Trial } from './fault.js';
import { openSite } from './site.js';

/** What a server, a database or a role may be set to. */
const SETTINGS: readonly (readonly [name: string, ...settings: string[]])[] = [
  ['isolation: repeatable read', `default_transaction_isolation = 'repeatable read'`],
  ['isolation: serializable', `default_transaction_isolation = 'serializable'`],
  ['statement_timeout of 150 ms', `statement_timeout = '150ms'`],
  ['lock_timeout of 50 ms', `lock_timeout = '50ms'`],
  ['idle timeouts', `idle_session_timeout = '700ms'`, `idle_in_transaction_session_timeout = '100ms'`],
  ['DateStyle and TimeZone', `DateStyle = 'SQL, DMY'`, `IntervalStyle = 'sql_standard'`, `TimeZone = 'Asia/Kathmandu'`],
  ['search_path', `search_path = pg_catalog`],
  [
    'formats',
    'standard_conforming_strings = off',
    'extra_float_digits = -15',
    `bytea_output = 'escape'`,
    'array_nulls = off',
  ],
];
const RUNS = { full: 60, short: 8 };

fault(
  {
    name: 'settings',
    title: 'a server whose settings are not the usual ones',
    bar: 'the smoke tests green under each',
    how:
      `Databases with ${SETTINGS.map(([name]) => name).join('; ')}. Under each the smoke tests ran (steps, arms, a ` +
      'transactional step, events, sleeps, children, schedules), then a load.',
    injections: { full: SETTINGS.length, short: 3 },
    runs: { full: SETTINGS.length * RUNS.full, short: 3 * RUNS.short },
  },
  async (trial) => {
    const verdict: { [key in keyof Verdict]: string[] } = { lost: [], doubled: [], stuck: [], broken: [] };
    let runs = 0;
    // A short run tries what may stand together at once.
    const together = SETTINGS.slice(2).flatMap(([, ...settings]) => settings);
    const tried = trial.short ? [...SETTINGS.slice(0, 2), ['all others at once', ...together] as const] : SETTINGS;
    for (const [name, ...settings] of tried) {
      const found = await under(trial, settings);
      runs += found.runs;
      for (const key of Object.keys(verdict) as (keyof Verdict)[]) {
        verdict[key].push(...found.verdict[key].map((line) => `${name}: ${line}`));
      }
    }
    const injected = Object.fromEntries(tried.map(([name]) => [name, 1]));
    return { injected, runs, load: `${runs} runs and the smoke tests`, verdict };
  },
);

async function under(trial: Trial, settings: readonly string[]): Promise<{ runs: number; verdict: Verdict }> {
  const database = await createTestDatabase({ migrated: false });
  for (const setting of settings) await onServer(`ALTER DATABASE ${database.name} SET ${setting}`);
  const { ground, load: begin, worker } = await openSite(trial, { server: database.url });

  const dataSource = new DataSource({ type: 'postgres', url: database.url, installExtensions: false });
  const smoking = await openApp({ database: { dataSource: await dataSource.initialize() } }, smokeWorkflows);
  await smoke(smoking.client);
  await endTicks(smoking.client);
  const bad = await smoking.client.countExecutions({ status: ['failed', 'paused', 'cancelled'] });
  await smoking.close();
  await dataSource.destroy();

  const running = await worker({ label: 'one' });
  const load = begin({ pace: 20 });
  while (load.runs.length < trial.size(RUNS)) await new Promise((resolve) => setTimeout(resolve, 20));
  const verdict = await judge(ground, load);
  await running.end('SIGTERM');
  const failed = bad === 0 ? [] : [`${bad} runs of the smoke tests did not complete`];
  return { runs: load.runs.length, verdict: { ...verdict, broken: [...verdict.broken, ...failed] } };
}

/** No run is left for the worker of the load, which has not got its workflow. */
async function endTicks(client: DurableClient): Promise<void> {
  await client.disableSchedule('smoke_tick');
  const count = (status?: ExecutionStatus[]): Promise<number> =>
    client.countExecutions({ workflow: 'smoke_tick', status });
  const ends: ExecutionStatus[] = ['completed', 'failed', 'paused', 'cancelled'];
  while ((await count(ends)) < (await count())) await new Promise((resolve) => setTimeout(resolve, 20));
}
