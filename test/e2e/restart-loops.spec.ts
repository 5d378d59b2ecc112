import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Branch,
  Decision,
  DurableClient,
  DurableModule,
  FatalError,
  ForEach,
  goto,
  Step,
  Workflow,
} from 'nest-durable';
import pg from 'pg';
import { restartPoints } from '../../lib/storage/client/restart.js';
import { sql } from '../../lib/storage/sql.js';
import { createTestDatabase, testSchema } from '../support/database.js';

const sent: string[] = [];
let broken = '';
let rounds = 1;

interface Mailing {
  readonly round: number;
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
    return round < rounds ? goto('begin') : undefined;
  }

  @Step()
  last(data: Mailing) {
    if (broken === 'last') throw new FatalError('last');
    return data;
  }
}

/** The first visit of its loop leaves no results, the second does: an item has failed in it. */
@Workflow({ name: 'quiet' })
class QuietWorkflow {
  @Step()
  begin({ round }: Mailing): Mailing {
    return { round: round + 1 };
  }

  @ForEach('send', { results: 'none', onError: 'completeAll' })
  mails({ round }: Mailing) {
    return [round, round];
  }

  @Step({ retry: { maxAttempts: 1 } })
  send(round: number) {
    sent.push(String(round));
    if (round === 2) throw new FatalError('no');
  }

  @Decision({ goto: ['begin'] })
  again({ round }: Mailing) {
    return round < rounds ? goto('begin') : undefined;
  }

  @Step()
  last() {
    if (broken === 'last') throw new FatalError('last');
  }
}

/** Items go round, in an arm of a branch: those of the loop's second visit are numbered behind those of the first. */
@Workflow({ name: 'circling' })
class CirclingWorkflow {
  @Step()
  begin({ round }: Mailing): Mailing {
    return { round: round + 1 };
  }

  @Branch({ mail: ['mails'] })
  way() {
    return 'mail';
  }

  @ForEach(['send', 'more'])
  mails({ round }: Mailing) {
    return [{ round, n: 0 }];
  }

  @Step()
  send(item: { n: number }) {
    sent.push('send');
    return { ...item, n: item.n + 1 };
  }

  @Decision({ goto: ['send'] })
  more({ n }: { n: number }) {
    return n < 3 ? goto('send') : undefined;
  }

  @Decision({ goto: ['begin'] })
  again({ round }: Mailing) {
    return round < rounds ? goto('begin') : undefined;
  }

  @Step()
  last() {
    if (broken === 'last') throw new FatalError('last');
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
    providers: [MailingWorkflow, QuietWorkflow, CirclingWorkflow],
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
  rounds = 1;
});

it('what the items of a loop recorded is not read once their results are put together', async () => {
  broken = 'last';
  const old = await client.start(MailingWorkflow, { round: 0 });
  await expect(old.result()).rejects.toThrow(/last/);
  expect(sent).toHaveLength(4);
  expect(await pathsOf(old.id)).toEqual(['begin', 'mails', 'mails', 'again', 'last']);
  expect(await restartPoints(query, testSchema, old.id)).toEqual([
    { step: 'begin', ok: true },
    { step: 'mails', ok: true },
    { step: 'send', ok: false, why: expect.stringContaining('"mails"') },
    { step: 'part', ok: false, why: expect.stringContaining('"mails"') },
    { step: 'again', ok: true },
    { step: 'last', ok: true },
  ]);
  broken = '';
  const whole = await (await client.start(MailingWorkflow, { round: 0 })).result();
  sent.splice(0);
  expect(await (await client.restartFrom(old.id, 'last')).result()).toEqual(whole);
  expect(sent).toEqual([]);
  expect(await (await client.restartFrom(old.id, 'mails')).result()).toEqual(whole);
  expect(sent.toSorted((a, b) => a.localeCompare(b))).toEqual(['1a1', '1a2', '1b1', '1b2']);
});

it('what items recorded is read where the loop failed, and where it was visited again', async () => {
  broken = '1b2';
  const failed = await client.start(MailingWorkflow, { round: 0 });
  await expect(failed.result()).rejects.toThrow(/1b2/);
  expect(await pathsOf(failed.id)).toContain('mails[1]/send[1]/part');
  broken = '2b2';
  rounds = 2;
  const again = await client.start(MailingWorkflow, { round: 0 });
  await expect(again.result()).rejects.toThrow(/2b2/);
  broken = '';
  sent.splice(0);
  await (await client.restartFrom(again.id, 'mails')).result();
  expect(sent.toSorted((a, b) => a.localeCompare(b))).toEqual(['2a1', '2a2', '2b1', '2b2']);
});

describe.each([QuietWorkflow, CirclingWorkflow])('steps behind a loop are places to restart from: %p', (type) => {
  it('whatever its items visited again, and whether or not a visit of it put results together', async () => {
    broken = 'last';
    rounds = 2;
    const old = await client.start(type, { round: 0 });
    await expect(old.result()).rejects.toThrow(/last/);
    const points = await restartPoints(query, testSchema, old.id);
    expect(points.filter(({ step }) => ['begin', 'again', 'last'].includes(step)).map(({ ok }) => ok)).toEqual([
      true, true, true,
    ]); // prettier-ignore
    broken = '';
    sent.splice(0);
    await (await client.restartFrom(old.id, 'last')).result();
    expect(sent).toEqual([]);
  });
});
