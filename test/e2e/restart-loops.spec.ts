import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Decision, DurableClient, DurableModule, FatalError, ForEach, goto, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { restartPoints } from '../../lib/storage/client/restart.js';
import { sql } from '../../lib/storage/sql.js';
import { createTestDatabase, testSchema } from '../support/database.js';

const sent: string[] = [];
let broken = '';

interface Mailing {
  readonly round: number;
  readonly sent?: unknown;
}

@Workflow({ name: 'mailing' })
class MailingWorkflow {
  @Step()
  begin({ round }: Mailing): Mailing {
    return { round: round + 1 };
  }

  @ForEach('send', { concurrency: 2 })
  mails({ round }: Mailing) {
    return [`${String(round)}a`, `${String(round)}b`];
  }

  @ForEach('part', { concurrency: 2 })
  send(mail: string) {
    return [`${mail}1`, `${mail}2`];
  }

  @Step()
  part(name: string) {
    if (name === broken) throw new FatalError(name);
    sent.push(name);
    return name;
  }

  @Decision({ goto: ['begin'] })
  again({ round }: Mailing) {
    return round < 2 ? goto('begin') : undefined;
  }

  @Step()
  last(data: Mailing) {
    if (broken === 'last') throw new FatalError('last');
    return data;
  }
}

let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;

const query = async <R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
  (await pool.query<R>(text, [...values])).rows;

const pathsOf = async (id: string): Promise<string[]> =>
  (await query<{ path: string }>(sql('restart-records', testSchema), [id, 1])).map(({ path }) => path);

beforeAll(async () => {
  const { url } = await createTestDatabase();
  pool = new pg.Pool({ connectionString: url, max: 1 });
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } })],
    providers: [MailingWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

beforeEach(() => {
  sent.splice(0);
  broken = '';
});

it('what the items of a loop recorded is not read once their results are put together', async () => {
  broken = 'last';
  const old = await client.start(MailingWorkflow, { round: 0 });
  await expect(old.result()).rejects.toThrow(/last/);
  expect(sent).toHaveLength(8);
  expect((await pathsOf(old.id)).filter((path) => path.includes('['))).toEqual([]);
  expect(await restartPoints(query, testSchema, old.id)).toEqual([
    { step: 'begin', ok: true },
    { step: 'mails', ok: true },
    { step: 'send', ok: false, why: expect.stringContaining('"mails"') },
    { step: 'part', ok: false, why: expect.stringContaining('"mails"') },
    { step: 'again', ok: true },
    { step: 'last', ok: true },
  ]);
  broken = '';
  sent.splice(0);
  const whole = await (await client.start(MailingWorkflow, { round: 0 })).result();
  const run = await client.restartFrom(old.id, 'last');
  sent.splice(0);
  expect(await run.result()).toEqual(whole);
  expect(sent).toEqual([]);
  expect(await (await client.restartFrom(old.id, 'mails')).result()).toEqual(whole);
  expect(sent.toSorted((a, b) => a.localeCompare(b))).toEqual(['2a1', '2a2', '2b1', '2b2']);
});

it('what the items of the visit that failed recorded is read, and what those of the one before it did is not', async () => {
  broken = '2b2';
  const old = await client.start(MailingWorkflow, { round: 0 });
  await expect(old.result()).rejects.toThrow(/2b2/);
  const { rows } = await pool.query<{ seq: string }>(
    `SELECT max(seq) AS seq FROM durable.step_executions WHERE run_id = $1 AND type = 'gather' AND path = 'mails'`,
    [old.id],
  );
  const read = await query<{ seq: string; path: string }>(sql('restart-records', testSchema), [old.id, 1]);
  const ofItems = read.filter(({ path }) => path.includes('['));
  expect(ofItems.map(({ path }) => path)).toContain('mails[1]/send[1]/part');
  expect(ofItems.filter(({ seq }) => Number(seq) < Number(rows[0]?.seq))).toEqual([]);
  broken = '';
  sent.splice(0);
  await (await client.restartFrom(old.id, 'mails')).result();
  expect(sent.toSorted((a, b) => a.localeCompare(b))).toEqual(['2a1', '2a2', '2b1', '2b2']);
});
