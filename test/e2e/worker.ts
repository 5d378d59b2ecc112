import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule, Step, Workflow, workflowId } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** A worker process for tests that kill it: each step leaves its effect in a table, over a connection of its own. */
const url = process.argv[2] ?? '';
const label = process.argv[3] ?? '';
const effects = new pg.Pool({ connectionString: url, max: 5 });

async function effect(step: string): Promise<void> {
  await effects.query('INSERT INTO effects (run, step, worker) VALUES ($1, $2, $3)', [workflowId(), step, label]);
}

@Workflow({ name: 'killed' })
class KilledWorkflow {
  @Step()
  async first(data: object) {
    await effect('first');
    return { ...data, first: true };
  }

  @Step()
  async slow(data: { ms: number }) {
    await effect('slow');
    await pause(label === 'patient' ? 0 : data.ms);
  }

  @Step()
  async last(data: object) {
    await effect('last');
    return { ...data, last: true };
  }
}

@Module({
  imports: [DurableModule.forRoot({ database: { url }, queues: { default: { concurrency: 20 } } })],
  providers: [KilledWorkflow],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
app.enableShutdownHooks();
process.send?.('up');
