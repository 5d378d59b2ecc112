import { NestFactory } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { quantile, workflow } from './figures.mjs';

const HELD = 10_000;
const SHORT = 10_000;
const LONG = 100_000;
const WIDE = 1_000;
/** Items of the long loop before its memory is looked at for the first time, and for the last. */
const EARLY = 10_000;
const LATE = 95_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** What runs and items in flight keep alive in one process, and whether a loop ten times as long takes ten times as long. */
export async function memory({ url }) {
  const { DurableClient, DurableModule, ForEach, Step, Workflow } = await import('../../dist/index.js');
  const held = { begun: 0, release: () => {}, until: Promise.resolve() };
  const items = { begun: 0, at: new Map() };
  const classes = [
    workflow(Workflow, 'held', {
      hold: [
        Step(),
        async () => {
          held.begun += 1;
          await held.until;
        },
      ],
    }),
    workflow(Workflow, 'loop', {
      all: [ForEach('one', { concurrency: WIDE, results: 'none' }), ({ count }) => Array.from({ length: count }, (_, n) => n)],
      one: [
        Step(),
        () => {
          items.begun += 1;
          items.at.get(items.begun)?.();
        },
      ],
    }),
  ]; // prettier-ignore
  const [Held, Loop] = classes;
  const app = await NestFactory.createApplicationContext(
    {
      module: class MemoryModule {},
      imports: [DurableModule.forRoot({ database: { url }, queues: { default: { concurrency: HELD } } })],
      providers: classes,
    },
    { logger: ['error', 'warn'], abortOnError: false },
  );
  const client = app.get(DurableClient);
  /** Items a second. */
  const loop = async (count) => {
    items.begun = 0;
    const begun = performance.now();
    await (await client.start(Loop, { count })).result();
    return (count / (performance.now() - begun)) * 1_000;
  };
  /** Bytes that so many runs in flight keep alive, each. */
  const hold = async (count) => {
    const before = await alive();
    held.begun = 0;
    held.until = new Promise((resolve) => (held.release = resolve));
    for (let at = 0; at < count; at += 500)
      await client.startMany(
        Held,
        Array.from({ length: 500 }, () => ({ input: { n: at } })),
      );
    while (held.begun < count) await delay(20);
    const after = await alive();
    held.release();
    while ((await client.countExecutions({ status: 'running' })) > 0) await delay(20);
    return (after - before) / count;
  };
  try {
    await hold(1_000);
    const bytesPerRun = await hold(HELD);
    await loop(SHORT);
    const shorts = [await loop(SHORT), await loop(SHORT), await loop(SHORT)];
    const itemsPerSecondLong = await loop(LONG);
    const looks = {};
    for (const [name, at] of Object.entries({ early: EARLY, late: LATE }))
      items.at.set(at, () => {
        collect();
        looks[name] = process.memoryUsage().heapUsed;
      });
    await loop(LONG);
    const itemsPerSecond = quantile(shorts, 0.5);
    return { bytesPerRun, itemsPerSecond, itemsPerSecondLong, heapEarly: looks.early, heapLate: looks.late };
  } finally {
    await app.close();
  }
}

/** Bytes of the heap that are in use, once what has just ended is gone. */
async function alive() {
  await delay(500);
  collect();
  return process.memoryUsage().heapUsed;
}
