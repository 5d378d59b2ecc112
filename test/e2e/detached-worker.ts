import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  callWorkflow,
  DurableClient,
  DurableModule,
  once,
  putContext,
  sleep,
  startWorkflow,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';

/** Runs steps whose promises nobody looks at, says what has become of the runs, and ends: a rejection would end it. */

const bodies: Readonly<Record<string, () => Promise<unknown>>> = {
  'written behind a wait': async () => {
    const side = (async () => {
      await pause(30);
      putContext('side', 1);
    })();
    await sleep(5);
    await side;
  },
  'timed out behind a wait': async () => {
    const late = waitForEvent('never', { timeout: 1 });
    await sleep(20);
    await late.catch(() => {});
  },
  'once in flight': async () => void once('slow', () => pause(30)),
  'once that throws': async () => void once('broken', () => Promise.reject(new Error('broken'))),
  'child not awaited': async () => void startWorkflow('bodies', { body: 'nothing' }),
  'child of no workflow': async () => {
    void startWorkflow('none', {});
    void callWorkflow('none', {});
    await pause(5);
  },
  'wait in once': async () => void once('nap', () => void sleep(1)),
  'beside a failure': () =>
    Promise.all([
      Promise.reject(new Error('failed')),
      (async () => {
        await pause(30);
        await once('late', () => 1);
      })(),
    ]),
};

@Workflow({ name: 'bodies' })
class BodiesWorkflow {
  @Step()
  async work({ body }: { body: string }) {
    await bodies[body]?.();
  }
}

@Workflow({ name: 'timed out' })
class TimedOutWorkflow {
  @Step({ timeout: 10 })
  async work() {
    await pause(30);
    void startWorkflow('bodies', {});
    void sleep(1);
    void once('late', () => 1);
  }
}

@Module({
  imports: [DurableModule.forRoot({ database: { url: process.argv[2] ?? '' } })],
  providers: [BodiesWorkflow, TimedOutWorkflow],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
const client = app.get(DurableClient);
const told: Record<string, string> = {};
for (const body of Object.keys(bodies)) {
  const run = await client.start('bodies', { body });
  await run.result().catch(() => {});
  told[body] = (await run.execution())?.status ?? 'gone';
}
const run = await client.start('timed out', {});
await run.result().catch(() => {});
told['timed out'] = (await run.execution())?.status ?? 'gone';
// It ends when all that was left behind has gone on.
process.send?.(told);
await app.close();
process.disconnect();
