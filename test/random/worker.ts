import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableClient, DurableModule, type DurableModuleOptions } from 'nest-durable';
import { writeSync } from 'node:fs';
import pg from 'pg';
import { DataSource } from 'typeorm';
import type { WorkerLine } from '../support/faults/worker.js';
import { APP_NAME } from './faults.js';
import { plansOf } from './generator.js';
import { classOf } from './plan-class.js';
import { tickClass } from './ticks.js';
import type { Version } from './versions.js';

/** A worker process of the random runs, see WorkerProcess. */
export interface RandomWorkerSettings {
  readonly seed: number;
  readonly plans: number;
  readonly version: Version;
  readonly label: string;
  /** Straight to the database, for marks. */
  readonly url: string;
  /** The database as the engine and the app reach it. */
  readonly engineUrl: string;
  readonly options: Omit<DurableModuleOptions, 'database'>;
}

const {
  seed,
  plans: count,
  version,
  label,
  url,
  engineUrl,
  options,
} = JSON.parse(process.argv[2] ?? '{}') as RandomWorkerSettings;
const plans = plansOf(seed, count);
const pool = new pg.Pool({
  connectionString: url,
  max: 8,
  options: '-c default_transaction_isolation=read\\ committed',
});
const dataSource = await connected();

@Module({
  imports: [DurableModule.forRoot({ ...options, database: { dataSource } })],
  providers: [
    tickClass(pool),
    ...plans.map((plan) =>
      classOf(plan, version, { plans, pool, worker: label, client: () => app.get(DurableClient) }),
    ),
  ],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const up: WorkerLine = { event: 'up' };
writeSync(1, `${JSON.stringify(up)}\n`);

/** The app's own pool. Its network may be cut at this very moment. */
async function connected(): Promise<DataSource> {
  for (;;) {
    try {
      return await new DataSource({
        type: 'postgres',
        url: engineUrl,
        installExtensions: false,
        poolSize: 6,
        applicationName: APP_NAME,
      }).initialize();
    } catch (error) {
      if (!/ECONNRESET|terminat|EPIPE/.test(String(error))) throw error;
    }
  }
}
