import { NestFactory } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { prefixed, quantile, SAMPLES, times, workflow } from './figures.mjs';

const WARM_UP = 30;
const LOOP_ITEMS = 10_000;
const SLEEPERS = 1_000;
/** In which they begin to sleep, spread over a second. */
const WAVES = 50;
/** Rounds of sleepers that are measured. */
const NAPS = 3;
const PAGE = 50_000;

/**
 * Figures of this engine alone: fan-outs, waits and events; then some of them again beside `waiting` runs that wait for
 * something else. One process, one database of its own.
 */
export async function features({ url, waiting }) {
  const durable = await import('../../dist/index.js');
  const late = [];
  const resumed = new Map();
  const classes = workflows(durable, late, resumed);
  const app = await NestFactory.createApplicationContext(
    {
      module: class FeaturesModule {},
      imports: [durable.DurableModule.forRoot({ database: { url }, queues: { default: { concurrency: 200 } } })],
      providers: Object.values(classes),
    },
    { logger: ['error', 'warn'], abortOnError: false },
  );
  const client = app.get(durable.DurableClient);
  try {
    const idle = await waits(client, classes, late, resumed);
    const single = await times(async () => (await client.start(classes.Single, {})).result());
    const parallel = await times(async () => (await client.start(classes.Parallel100, {})).result());
    const items = Array.from({ length: LOOP_ITEMS }, (_, index) => index);
    const loops = [];
    for (let round = 0; round < 3; round += 1) {
      const begun = performance.now();
      await (await client.start(classes.Loop, { items })).result();
      loops.push((LOOP_ITEMS / (performance.now() - begun)) * 1000);
    }
    await fill(url, waiting);
    const full = await waits(client, classes, late, resumed);
    return {
      singleP50: quantile(single, 0.5),
      parallelP50: quantile(parallel, 0.5),
      loopItemsPerSecond: quantile(loops, 0.5),
      waiting,
      ...prefixed('idle', idle),
      ...prefixed('full', full),
    };
  } finally {
    await app.close();
  }
}

async function waits(client, { Single, Waiting, Sleeping }, late, resumed) {
  const events = [];
  for (let n = 0; n < SAMPLES + WARM_UP; n += 1) {
    const run = await client.start(Waiting, {});
    while ((await run.execution())?.status !== 'waiting') await new Promise((resolve) => setTimeout(resolve, 2));
    // Whoever awaits its result meanwhile asks the database for it, which is not what is measured.
    const again = new Promise((resolve) => resumed.set(run.id, resolve));
    const begun = performance.now();
    await run.sendEvent('go');
    const at = await again;
    await run.result();
    if (n >= WARM_UP) events.push(at - begun);
  }
  const queued = await times(async () => (await client.startMany(Single, [{ input: {} }]))[0].result());
  const spread = await naps(client, Sleeping, late, SLEEPERS / WAVES);
  const burst = await naps(client, Sleeping, late, SLEEPERS);
  return {
    eventP50: quantile(events, 0.5),
    eventP99: quantile(events, 0.99),
    queuedP50: quantile(queued, 0.5),
    lateP50: quantile(spread, 0.5),
    lateP99: quantile(spread, 0.99),
    burstP50: quantile(burst, 0.5),
    burstP99: quantile(burst, 0.99),
  };
}

/** The same of several rounds, after one that is not counted. */
async function naps(client, Sleeping, late, atOnce) {
  await sleepers(client, Sleeping, late, atOnce);
  const all = [];
  for (let round = 0; round < NAPS; round += 1) all.push(...(await sleepers(client, Sleeping, late, atOnce)));
  return all;
}

/** ms by which runs are late that all sleep for 1 s, started so many at a time: all at once, or over a second. */
async function sleepers(client, Sleeping, late, atOnce) {
  late.splice(0);
  const runs = [];
  const begun = performance.now();
  for (let wave = 1; runs.length < SLEEPERS; wave += 1) {
    runs.push(
      ...(await client.startMany(
        Sleeping,
        Array.from({ length: atOnce }, () => ({ input: {} })),
      )),
    );
    await delay(Math.max(0, begun + (wave * 1_000) / WAVES - performance.now()));
  }
  await Promise.all(runs.map((run) => run.result()));
  return [...late];
}

/** Runs that wait for an event which never comes, as the engine leaves them behind. */
async function fill(url, count) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let done = 0; done < count; done += PAGE) {
    const page = Math.min(PAGE, count - done);
    await client.query(
      `WITH run AS (
         INSERT INTO durable.workflow_executions (
           id, created_at, updated_at, started_at, definition_id, priority, workflow, queue, snapshot, input)
         SELECT gen_random_uuid(), now(), now(), now(), d.id, 0, d.name, 'default', '{}', '{}'
         FROM generate_series(1, $1) CROSS JOIN durable.workflow_definitions d WHERE d.name = 'waiting'
         RETURNING id, definition_id
       ), queued AS (
         INSERT INTO durable.workflow_queue (id, due_at, started_at, definition_id, priority, token, state, queue, resumed)
         SELECT id, CASE WHEN random() < 0.5 THEN now() + interval '1 day' ELSE 'infinity' END, now(), definition_id, 0, 1,
           'sleeping', 'default', true
         FROM run
       )
       INSERT INTO durable.waits (run_id, id, created_at, round, visit, attempt, kind, path, key, names)
       SELECT id, gen_random_uuid(), now(), 1, 1, 1, 'event', 'wait', 'event:never:1', '{never}' FROM run`,
      [page],
    );
  }
  await client.query('VACUUM ANALYZE');
  // Or the server writes a gigabyte back to the disk while it is measured.
  await client.query('CHECKPOINT');
  await client.end();
}

function workflows(durable, late, resumed) {
  const { ForEach, once, Parallel, scheduleAt, Step, waitForEvent, Workflow, workflowId } = durable;
  const arms = Array.from({ length: 100 }, (_, index) => `arm${index}`);
  const make = (name, members) => workflow(Workflow, name, members);
  return {
    Single: make('single', { step: [Step(), (data) => ({ ...data, n: 1 })] }),
    Parallel100: make('parallel100', {
      fan: [Parallel(arms, {}), () => ({ done: true })],
      ...Object.fromEntries(arms.map((arm) => [arm, [Step(), () => ({ ok: true })]])),
    }),
    Loop: make('loop', {
      all: [ForEach('one', { concurrency: 100, results: 'none' }), (data) => data.items],
      one: [Step(), () => ({ ok: true })],
    }),
    Waiting: make('waiting', {
      wait: [
        Step(),
        async () => {
          await waitForEvent('go');
          resumed.get(workflowId())(performance.now());
        },
      ],
    }),
    Sleeping: make('sleeping', {
      nap: [
        Step(),
        async () => {
          const due = await once('due', () => Date.now() + 1_000);
          await scheduleAt(new Date(due));
          late.push(Date.now() - due);
        },
      ],
    }),
  };
}
