import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Compensate, currentAttempt, DurableModule, FatalError, sleep, Step, Workflow, workflowId } from 'nest-durable';
import pg from 'pg';

/** A worker process for the tests of runs that keep the place of their key until they have ended. */
const url = process.argv[2] ?? '';
const notes = new pg.Pool({ connectionString: url, max: 2 });

export interface KeeperInput {
  readonly key: string;
  /** What happens to it on its way, beside a wait and a retry delay. */
  readonly fate?: 'killed' | 'undone' | 'second round';
}

async function note(what: string, key: string): Promise<void> {
  const values = [workflowId(), what, key, process.pid];
  await notes.query('INSERT INTO notes (run, what, key, pid) VALUES ($1, $2, $3, $4)', values);
}

async function isNoted(what: string): Promise<boolean> {
  const values = [workflowId(), what];
  return (await notes.query('SELECT FROM notes WHERE run = $1 AND what = $2', values)).rowCount !== 0;
}

@Workflow({
  name: 'keeper',
  concurrency: { key: (input: KeeperInput) => input.key, limit: 1, hold: 'run' },
  maxRetries: 1,
})
class KeeperWorkflow {
  @Step({ compensate: 'undo' })
  async begin({ key }: KeeperInput) {
    await note('begin', key);
  }

  @Step()
  async nap() {
    await sleep(30);
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 30, jitter: false } })
  again() {
    if (currentAttempt() === 1) throw new Error('the first attempt fails');
  }

  @Step()
  async fate({ key, fate }: KeeperInput) {
    if (fate === 'undone') throw new FatalError('to be undone');
    if (fate === undefined || (await isNoted(fate))) return;
    await note(fate, key);
    if (fate === 'second round') throw new Error('the first round fails');
    // Until the test kills this process.
    await new Promise(() => {});
  }

  @Step()
  async end({ key }: KeeperInput) {
    await note('end', key);
  }

  @Compensate()
  async undo({ key }: KeeperInput) {
    await note('undo', key);
  }
}

@Module({
  imports: [DurableModule.forRoot({ database: { url }, queues: { default: { concurrency: 5 } } })],
  providers: [KeeperWorkflow],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
app.enableShutdownHooks();
process.send?.('up');
