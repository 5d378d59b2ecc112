import { NestFactory } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { prefixed, quantile, SAMPLES, times, workflow } from './figures.mjs';
import { query } from './server.mjs';

const LOOP_ITEMS = 10_000;
const SLEEPERS = 1_000;
/** In which they begin to sleep, spread over a second. */
const WAVES = 50;
/** ms within which those are due that are asleep already. */
const BURST = 300;
/** ms in which these surely have begun to sleep. */
const ASLEEP = 2_000;
/** Rounds of sleepers that are measured. */
const NAPS = 3;
const PAGE = 50_000;

/**
 * Figures of this engine alone: fan-outs; then waits and events on an empty database, and on one beside it in which
 * `waiting` runs wait for something else. The two take turns, since a machine changes by more than they differ.
 */
export async function features({ url, waiting }) {
  const besideName = `beside_${Date.now()}`;
  const besideUrl = Object.assign(new URL(url), { pathname: `/${besideName}` }).href;
  await query(url, `CREATE DATABASE ${besideName}`);
  const empty = await open(url);
  const beside = await open(besideUrl);
  try {
    const fans = await fanOuts(empty);
    await fill(besideUrl, waiting);
    const [idle, full] = await waits(empty, beside);
    return { ...fans, waiting, ...prefixed('idle', idle), ...prefixed('full', full) };
  } finally {
    await empty.app.close();
    await beside.app.close();
    await query(url, `DROP DATABASE ${besideName} WITH (FORCE)`);
  }
}

/** An app on a database, with the workflows and what they note. */
async function open(url) {
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
  return { app, client: app.get(durable.DurableClient), classes, late, resumed };
}

async function fanOuts({ client, classes }) {
  const single = await times(async () => (await client.start(classes.Single, {})).result());
  const parallel = await times(async () => (await client.start(classes.Parallel100, {})).result());
  const items = Array.from({ length: LOOP_ITEMS }, (_, index) => index);
  const loops = [];
  for (let round = 0; round < 3; round += 1) {
    const begun = performance.now();
    await (await client.start(classes.Loop, { items })).result();
    loops.push((LOOP_ITEMS / (performance.now() - begun)) * 1000);
  }
  return {
    singleP50: quantile(single, 0.5),
    parallelP50: quantile(parallel, 0.5),
    loopItemsPerSecond: quantile(loops, 0.5),
  };
}

/** The figures of each of the apps. */
async function waits(...apps) {
  const events = await inTurns(apps, SAMPLES, async (one) => [await eventTime(one)]);
  const starts = await inTurns(apps, SAMPLES, async (one) => [await queuedTime(one)]);
  const spread = await inTurns(apps, NAPS, spreadSleepers);
  const burst = await inTurns(apps, NAPS, burstOfSleepers);
  return apps.map((_, at) => ({
    eventP50: quantile(events[at], 0.5),
    eventP99: quantile(events[at], 0.99),
    queuedP50: quantile(starts[at], 0.5),
    lateP50: quantile(spread[at], 0.5),
    lateP99: quantile(spread[at], 0.99),
    burstP50: quantile(burst[at], 0.5),
    burstP99: quantile(burst[at], 0.99),
  }));
}

/**
 * So many measurements of each of the apps, one after the other, after as many that do not count: in those the server
 * writes each page into the WAL that is touched first, and reads it.
 */
async function inTurns(apps, count, measure) {
  const found = apps.map(() => []);
  for (let n = 0; n < 2 * count; n += 1) {
    for (const [at, app] of apps.entries()) {
      const values = await measure(app);
      if (n >= count) found[at].push(...values);
    }
  }
  return found;
}

/** ms from the call of sendEvent until the step that waits for it runs again. */
async function eventTime({ client, classes, resumed }) {
  const run = await client.start(classes.Waiting, {});
  while ((await run.execution())?.status !== 'waiting') await delay(2);
  // Whoever awaits its result meanwhile asks the database for it, which is not what is measured.
  const again = new Promise((resolve) => resumed.set(run.id, resolve));
  const begun = performance.now();
  await run.sendEvent('go');
  const at = await again;
  await run.result();
  return at - begun;
}

/** ms from the start of a run of one step, for whoever claims it, until its result is there. */
async function queuedTime({ client, classes }) {
  const begun = performance.now();
  const [run] = await client.startMany(classes.Single, [{ input: {} }]);
  await run.result();
  return performance.now() - begun;
}

/** ms by which runs are late that each sleep for 1 s, and are started over a second. */
async function spreadSleepers(app) {
  app.late.splice(0);
  const begun = performance.now();
  for (let wave = 1; wave <= WAVES; wave += 1) {
    await sleep(app, SLEEPERS / WAVES, () => ({}));
    await delay(Math.max(0, begun + (wave * 1_000) / WAVES - performance.now()));
  }
  return latenessOf(app);
}

/** The same of runs that all sleep already. Times of their own, or how fast they are started would say how many are due at once. */
async function burstOfSleepers(app) {
  app.late.splice(0);
  const first = Date.now() + ASLEEP;
  await sleep(app, SLEEPERS, (at) => ({ due: first + Math.floor((at * BURST) / SLEEPERS) }));
  return latenessOf(app);
}

function sleep({ client, classes }, count, input) {
  return client.startMany(
    classes.Sleeping,
    Array.from({ length: count }, (_, at) => ({ input: input(at) })),
  );
}

async function latenessOf({ late }) {
  // Nobody awaits their results: that asks the database for a thousand runs again and again.
  while (late.length < SLEEPERS) await delay(5);
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
         INSERT INTO durable.workflow_queue (id, due_at, started_at, definition_id, priority, token, state, queue)
         SELECT id, CASE WHEN random() < 0.5 THEN now() + interval '1 day' ELSE 'infinity' END, now(), definition_id, 0, 1,
           'sleeping', 'default'
         FROM run
       )
       INSERT INTO durable.waits (run_id, id, created_at, input_seq, round, visit, attempt, kind, type, path, key, names)
       SELECT id, gen_random_uuid(), now(), 0, 1, 1, 1, 'event', 'step', 'wait', 'event:never:1', '{never}' FROM run`,
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
        async ({ due: given }) => {
          const due = await once('due', () => given ?? Date.now() + 1_000);
          await scheduleAt(new Date(due));
          late.push(Date.now() - due);
        },
      ],
    }),
  };
}
