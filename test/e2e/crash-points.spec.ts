import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { openApp } from '../support/faults/app.js';
import { createEffects, Effects, effectsOf } from '../support/faults/effects.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { BookingWorkflow, faultWorkflows } from '../support/faults/workflows.js';
import { expectInvariants, startAudit } from '../support/invariants.js';
import { DataSource } from 'typeorm';

/**
 * A process dies for real, by SIGKILL, before and after each commit of a run's life; another goes on with the run. What
 * was recorded is never done again, what was not is done again.
 */
type Crash = readonly [workflow: 'life' | 'booking', at: string, phase: 'before' | 'after', again: readonly string[]];

/** Each point, and the effects that are made twice for it: those of the attempt that had not been recorded. */
const CRASHES: readonly Crash[] = [
  ['life', 'start', 'before', []],
  ['life', 'start', 'after', []],
  ['life', 'record plain 1', 'before', ['plain']],
  ['life', 'record plain 1', 'after', []],
  ['life', 'once paid.pay', 'before', ['paid 1', 'pay']],
  ['life', 'once paid.pay', 'after', ['paid 1']],
  ['life', 'park paid 1', 'before', ['paid 1']],
  ['life', 'park paid 1', 'after', []],
  ['life', 'wake', 'after', []],
  ['life', 'claim 2', 'after', []],
  ['life', 'hand over paid 2', 'before', ['paid 2']],
  ['life', 'hand over paid 2', 'after', []],
  ['life', 'claim step', 'after', []],
  ['life', 'once there.reserve', 'before', ['there', 'reserve']],
  ['life', 'once there.reserve', 'after', ['there']],
  ['life', 'remote there 1', 'before', ['there']],
  ['life', 'remote there 1', 'after', []],
  ['life', 'claim 3', 'after', []],
  ['life', 'end last 1', 'before', ['last']],
  ['life', 'end last 1', 'after', []],
  ['booking', 'commit book', 'before', ['book']],
  ['booking', 'commit book', 'after', []],
];

const EFFECTS = {
  life: { plain: 1, 'paid 1': 1, pay: 1, 'paid 2': 1, there: 1, reserve: 1, last: 1 },
  booking: { book: 1, after: 1 },
};
const RECORDS = {
  life: [
    ['plain', 1, 'completed'],
    ['paid', 1, 'failed'],
    ['paid', 2, 'completed'],
    ['there', 1, 'completed'],
    ['last', 1, 'completed'],
  ],
  booking: [
    ['book', 1, 'completed'],
    ['after', 1, 'completed'],
  ],
};

const OPTIONS = {
  queues: { default: { concurrency: 1 }, elsewhere: { concurrency: 1 } },
  recoveryInterval: 50,
  wakeInterval: 50,
};

interface Site {
  readonly database: TestDatabase;
  readonly pool: pg.Pool;
}

/** As many at a time as the server has connections for. */
const BATCH = 11;
const sites: Site[] = [];
const acknowledged = new Map<string, string>();

async function openSite(): Promise<Site> {
  const database = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  await createEffects(pool);
  await pool.query('CREATE TABLE bookings (run uuid NOT NULL, step text NOT NULL)');
  await startAudit(pool);
  return { database, pool };
}

/** Databases whose process died at those points. */
async function crash(crashes: readonly Crash[]): Promise<Site[]> {
  const opened = await Promise.all(crashes.map(() => openSite()));
  const scenes = crashes.map(([workflow, at, phase], n) => {
    return { url: opened[n]?.database.url, workflow, at, phase };
  });
  const process = WorkerProcess.run('./crash-scenes.ts', { scenes, options: OPTIONS });
  await process.gone();
  expect([process.signal, process.complaints]).toEqual(['SIGKILL', '']);
  expect(process.lines).toContainEqual({ event: 'dying' });
  for (const line of process.lines) if (line.event === 'started') acknowledged.set(line.database, line.id);
  return opened;
}

beforeAll(async () => {
  for (let at = 0; at < CRASHES.length; at += BATCH) sites.push(...(await crash(CRASHES.slice(at, at + BATCH))));
}, 300_000);

afterAll(() => Promise.all(sites.map(({ pool }) => pool.end())));

describe('a process that dies', () => {
  it.each(CRASHES.map((one, n) => [...one, n] as const))(
    'in the run %s at "%s", %s it',
    async (workflow, at, phase, again, n) => {
      const { database, pool } = sites[n] as Site;
      const effects = new Effects(pool, 'rescuer');
      const dataSource = new DataSource({ type: 'postgres', url: database.url, installExtensions: false });
      const app = await openApp(
        { ...OPTIONS, database: { dataSource } },
        [...faultWorkflows, BookingWorkflow],
        effects,
      );
      try {
        const [run] = await app.client.listExecutions();
        expect([undefined, run?.id]).toContain(acknowledged.get(database.name));
        // Never committed, so there is no such run.
        if (at === 'start' && phase === 'before' && run === undefined) return;
        const id = run?.id ?? '';
        await app.client.handle(id).result();
        const records = (await app.client.getSteps(id)).filter(({ type }) => type !== 'once');
        expect(records.map(({ step, attempt, status }) => [step, attempt, status])).toEqual(RECORDS[workflow]);
        const expected: Record<string, number> = { ...EFFECTS[workflow] };
        for (const step of again) expected[step] = 2;
        expect(await effectsOf(pool, [{ id }])).toEqual(expected);
        const { rows } = await pool.query('SELECT FROM bookings');
        expect(rows.length).toBe(workflow === 'booking' ? 1 : 0);
        await expectInvariants(pool, { runs: [{ id }], records: 2 });
      } finally {
        await app.close();
      }
    },
  );
});
