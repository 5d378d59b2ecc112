import type { WorkflowHandle } from 'nest-durable';
import { DataSource } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { aroundStore } from '../support/faults/store-points.js';
import { BookingWorkflow, faultWorkflows } from '../support/faults/workflows.js';
import { expectInvariants } from '../support/invariants.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

/**
 * The connection breaks at each commit of a run's life, before the commit gets to the server and after it, when its
 * answer is lost. The error is the same; the engine looks what became of it. Nothing is done twice, nothing is left out.
 */

const OPTIONS = {
  queues: {
    default: { concurrency: 5, pollInterval: 100 },
    elsewhere: { concurrency: 5, pollInterval: 100 },
  },
  recoveryInterval: 50,
};

const POINTS: readonly (readonly [
  workflow: 'life' | 'booking',
  at: string,
  statement: string,
  by: 'worker' | 'client',
])[] = [
  ['life', 'start', 'commit-group', 'worker'],
  ['life', 'claim', 'claim', 'client'],
  ['life', 'record plain 1', 'commit-group', 'worker'],
  ['life', 'once paid.pay', 'commit-group', 'worker'],
  ['life', 'park paid 1', 'commit-group', 'worker'],
  ['life', 'wake', 'wake-due', 'worker'],
  ['life', 'hand over paid 2', 'commit-group', 'worker'],
  ['life', 'once there.reserve', 'COMMIT', 'worker'],
  ['life', 'remote there 1', 'COMMIT', 'worker'],
  ['life', 'end last 1', 'commit-group', 'worker'],
  ['booking', 'commit book', 'COMMIT', 'worker'],
];

const EFFECTS = {
  life: { plain: 1, 'paid 1': 1, pay: 1, 'paid 2': 1, there: 1, reserve: 1, last: 1 },
  booking: { book: 1, after: 1 },
};

let ground: Ground;
let proxy: TcpProxy;
let worker: FaultApp;
let client: FaultApp;
let armed: { at: string; cut: () => Promise<void> } | null = null;
let restore: () => void;

/** A claim and a wake find out by themselves whether there is anything: the cut is for one that finds something. */
const READY: Record<string, string> = {
  claim: `SELECT FROM durable.workflow_queue WHERE state = 'ready'`,
  wake: `SELECT FROM durable.workflow_queue WHERE state = 'sleeping' AND due_at <= clock_timestamp()`,
};

beforeAll(async () => {
  ground = await openGround();
  proxy = await startProxy(Number(new URL(ground.url).port));
  const dataSource = new DataSource({ type: 'postgres', url: proxy.through(ground.url), installExtensions: false });
  restore = aroundStore(async (call) => {
    const [point = ''] = call.points;
    const found = READY[point];
    if (armed?.at === point && (found === undefined || ((await ground.pool.query(found)).rowCount ?? 0) > 0)) {
      const { cut } = armed;
      armed = null;
      void cut();
    }
    return call.send();
  });
  const effects = new Effects(ground.pool, 'worker');
  worker = await openApp({ ...OPTIONS, database: { dataSource } }, [...faultWorkflows, BookingWorkflow], effects);
  client = await openApp({ workers: false, database: { url: ground.url } });
});

afterAll(async () => {
  await client.close();
  await worker.close();
  restore();
  await proxy.close();
  await ground.pool.end();
});

describe.each(['before', 'after'] as const)('a connection that breaks %s', (when) => {
  it.each(POINTS)('in the run %s, "%s"', async (workflow, at, statement, by) => {
    const cuts: Promise<void>[] = [];
    armed = { at, cut: () => (cuts[0] = proxy.cutAt(statement, when)) };
    const runs: WorkflowHandle[] = [];
    // What such a call finds may have come only after it was looked for: then it was not cut, and another run is.
    do {
      const run = await (by === 'worker' ? worker : client).client.start(workflow, {});
      await client.client.handle(run.id).result();
      runs.push(run);
    } while (READY[at] !== undefined && cuts.length === 0);
    expect(cuts.length).toBe(1);
    await cuts[0];
    const expected: Record<string, number> = { ...EFFECTS[workflow] };
    // Rolled back with its record, so it was made again.
    if (at === 'commit book' && when === 'before') expected['book'] = 2;
    for (const run of runs) {
      expect(await effectsOf(ground.pool, [run])).toEqual(expected);
      const { rows } = await ground.pool.query('SELECT FROM bookings WHERE run = $1', [run.id]);
      expect(rows.length).toBe(workflow === 'booking' ? 1 : 0);
    }
    await expectInvariants(ground.pool, { runs, records: 2 });
  });
});
