import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule, Step, Workflow } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';

/** A worker process for the test that kills workers of limited queues and workflows. */
const url = process.argv[2] ?? '';

@Workflow({ name: 'narrow', queue: 'narrow' })
class NarrowWorkflow {
  @Step({ retry: { maxAttempts: 3, initialDelay: 1 } })
  async one() {
    await pause(20);
  }

  @Step()
  async two() {
    await pause(20);
  }
}

@Workflow({ name: 'keyed', concurrency: { key: (input: { key: string }) => input.key, limit: 2 } })
class KeyedWorkflow {
  @Step()
  async here() {
    await pause(20);
  }

  /** Run by workers of the narrow queue, and counted there and for the key. */
  @Step({ queue: 'narrow' })
  async there() {
    await pause(20);
  }
}

@Module({
  imports: [
    DurableModule.forRoot({
      database: { url },
      queues: { default: { concurrency: 10 }, narrow: { concurrency: 10, globalConcurrency: 3 } },
    }),
  ],
  providers: [NarrowWorkflow, KeyedWorkflow],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
app.enableShutdownHooks();
process.send?.('up');
