import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule, type DurableModuleOptions } from 'nest-durable';
import { writeSync } from 'node:fs';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Effects } from './effects.js';
import { aroundStore } from './store-points.js';
import { timedWorkflows } from './timed-workflows.js';
import { waitWorkflows } from './wait-workflows.js';
import { BookingWorkflow, faultWorkflows } from './workflows.js';

/** A worker process for tests of faults, see WorkerProcess. It says what happens in lines of JSON on stdout. */
export interface WorkerSettings {
  /** The database, for effects. */
  readonly url: string;
  /** The database as the engine reaches it. Default: `url`. */
  readonly engineUrl?: string;
  readonly label: string;
  readonly options?: Omit<DurableModuleOptions, 'database'>;
  /** Give the engine a DataSource, and the workflows a transactional step. */
  readonly dataSource?: boolean;
  /** With the workflows of timed-workflows.ts, a schedule among them. */
  readonly timed?: boolean;
}

export type WorkerLine =
  | { readonly event: 'up' }
  /** A start was acknowledged. */
  | { readonly event: 'started'; readonly database: string; readonly id: string }
  /** All that it was told to bring to a point is there: it kills itself. */
  | { readonly event: 'dying' }
  /** A point of a run's life that this process has gone through. */
  | { readonly event: 'passed'; readonly points: readonly string[] };

const settings = JSON.parse(process.argv[2] ?? '{}') as WorkerSettings;
const { url, engineUrl = url, label, options } = settings;

/** At once, unlike console.log: the process may be dead in a moment. */
function say(line: WorkerLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

aroundStore(async (call) => {
  const result = await call.send();
  const passed = call.passed(result);
  if (passed.length > 0) say({ event: 'passed', points: passed });
  return result;
});

const pool = new pg.Pool({ connectionString: url, max: 10 });
const effects = new Effects(pool, label);
const dataSource =
  settings.dataSource === true
    ? await new DataSource({ type: 'postgres', url: engineUrl, installExtensions: false }).initialize()
    : null;

@Module({
  imports: [DurableModule.forRoot({ ...options, database: dataSource === null ? { url: engineUrl } : { dataSource } })],
  providers: [
    { provide: Effects, useValue: effects },
    ...faultWorkflows,
    ...waitWorkflows,
    ...(settings.timed === true ? timedWorkflows : []),
    ...(dataSource === null ? [] : [BookingWorkflow]),
  ],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
say({ event: 'up' });
