import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableClient, DurableModule, type DurableModuleOptions } from 'nest-durable';
import { writeSync } from 'node:fs';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Effects } from './effects.js';
import { aroundStore } from './store-points.js';
import type { WorkerLine } from './worker.js';
import { BookingWorkflow, faultWorkflows } from './workflows.js';

/**
 * A process that dies by SIGKILL with the engine at many points of a run's life at once, each on a database of its own:
 * an engine that comes to its point goes no further, and when all have, the process kills itself. Starting a process
 * for each point would cost a second and more of computing time.
 */
interface Scene {
  readonly url: string;
  readonly workflow: string;
  /** Name of the point, see store-points.ts. */
  readonly at: string;
  readonly phase: 'before' | 'after';
}

const { scenes, options } = JSON.parse(process.argv[2] ?? '{}') as { scenes: Scene[]; options: DurableModuleOptions };
/** Engines that are as good as dead. */
const halted = new Set<string>();
const byDatabase = new Map(scenes.map((scene) => [databaseOf(scene), scene]));

/** At once: the process is about to die. */
function say(line: WorkerLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function databaseOf({ url }: Scene): string {
  return new URL(url).pathname.slice(1);
}

function halt(database: string, points: readonly string[], phase: 'before' | 'after'): Promise<never> | undefined {
  // Nothing more comes of it, by whatever other way its loops may take.
  if (halted.has(database)) return new Promise(() => {});
  const scene = byDatabase.get(database);
  if (scene === undefined || scene.phase !== phase || !points.includes(scene.at)) return undefined;
  byDatabase.delete(database);
  halted.add(database);
  if (byDatabase.size === 0) {
    say({ event: 'dying' });
    process.kill(process.pid, 'SIGKILL');
  }
  return new Promise(() => {});
}

aroundStore(async (call) => {
  await halt(call.database, call.points, 'before');
  const result = await call.send();
  await halt(call.database, call.passed(result), 'after');
  return result;
});

for (const scene of scenes) {
  const { url, workflow } = scene;
  const effects = new Effects(new pg.Pool({ connectionString: url, max: 1 }), 'victim');
  const dataSource = new DataSource({ type: 'postgres', url, installExtensions: false, poolSize: 2 });
  @Module({
    imports: [DurableModule.forRoot({ ...options, database: { dataSource } })],
    providers: [{ provide: Effects, useValue: effects }, ...faultWorkflows, BookingWorkflow],
  })
  class SceneModule {}
  const app = await NestFactory.createApplicationContext(SceneModule, { logger: ['error'] });
  void app
    .get(DurableClient)
    .start(workflow, {})
    .then(({ id }) => say({ event: 'started', database: databaseOf(scene), id }));
}
