import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { Forks } from '../support/forks.js';
import type { KeeperInput } from './keeper-worker.js';

let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;
let url: string;
const workers = new Forks(new URL('./keeper-worker.ts', import.meta.url));

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  pool = new pg.Pool({ connectionString: url, max: 2 });
  await pool.query(
    'CREATE TABLE notes (id serial, run uuid NOT NULL, what text NOT NULL, key text NOT NULL, pid integer NOT NULL)',
  );
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url }, workers: false })],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

interface Note {
  readonly run: string;
  readonly what: string;
  readonly key: string;
  readonly pid: number;
}

async function notesOf(key: string): Promise<Note[]> {
  return (await pool.query<Note>('SELECT run, what, key, pid FROM notes WHERE key = $1 ORDER BY id', [key])).rows;
}

async function untilNoted(what: string, key: string): Promise<Note> {
  for (;;) {
    const found = (await notesOf(key)).find((note) => note.what === what);
    if (found !== undefined) return found;
    await pause(5);
  }
}

it('a run that keeps its place has its key to itself from its begin to its end: two processes, waits, retry delays, rounds, rollbacks, a crash', async () => {
  await Promise.all([workers.start([url]), workers.start([url])]);
  const fates: KeeperInput['fate'][] = [undefined, 'killed', 'undone', 'second round', undefined];
  const keys = ['a', 'b'];
  const inputs = fates.flatMap((fate) =>
    keys.map((key): KeeperInput => (fate === undefined ? { key } : { key, fate })),
  );
  const runs = await client.startMany(
    'keeper',
    inputs.map((input) => ({ input })),
  );
  for (const key of keys) {
    const { pid } = await untilNoted('killed', key);
    // One process may have had both.
    const victim = workers.alive.find((worker) => worker.pid === pid);
    if (victim === undefined) continue;
    await victim.end('SIGKILL');
    await workers.start([url]);
  }
  const ends = await Promise.allSettled(runs.map((run) => run.result()));
  const statuses = await Promise.all(runs.map(async (run) => (await run.execution())?.status));
  expect(statuses).toEqual(inputs.map(({ fate }) => (fate === 'undone' ? 'compensated' : 'completed')));
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(keys.length);

  for (const key of keys) {
    const notes = await notesOf(key);
    // One run after the other, in the order of their starts, and nothing of two mixed.
    const order = notes.map(({ run }) => run).filter((run, at, all) => run !== all[at - 1]);
    expect(order).toEqual(runs.filter((_, at) => inputs[at]?.key === key).map((run) => run.id));
    const told = order.map((run) => {
      const words = notes.filter((note) => note.run === run).map(({ what }) => what);
      // A step of a process that was killed may have noted it twice.
      return words.filter((what, at) => what !== words[at - 1]).join(' ');
    });
    expect(told).toEqual([
      'begin end',
      'begin killed end',
      'begin undo',
      'begin second round undo begin end',
      'begin end',
    ]);
  }
}, 300_000);
