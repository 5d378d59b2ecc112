import { Compensate, Step, stepManager, Workflow, workflowId } from 'nest-durable';
import pg from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { openApp } from '../support/faults/app.js';
import { bookingsOf, type Ground, openGround } from '../support/faults/ground.js';

/** What an app makes of PostgreSQL's values on its own connections, where the engine's statements run too. */

type Parser = (text: string) => unknown;

const integers = [20, 21, 23, 26];
const PARSERS: Readonly<Record<string, Readonly<Record<number, Parser>>>> = {
  'integers as BigInt': Object.fromEntries(integers.map((oid) => [oid, BigInt])),
  'int8 as a number': { 20: Number },
  'integers as text': Object.fromEntries(integers.map((oid) => [oid, String])),
  'booleans as numbers': { 16: (text) => (text === 't' ? 1 : 0) },
  'booleans as text': { 16: String },
  'uuids as bytes': { 2950: (text) => Buffer.from(text.replaceAll('-', ''), 'hex') },
  'timestamps as text': { 1114: String, 1184: String },
  'json as text, arrays as null': { 114: String, 3802: String, 1007: () => null, 1009: () => null, 1016: () => null },
};

function insert(step: string): Promise<unknown> {
  return stepManager<EntityManager>().query('INSERT INTO bookings (run, step) VALUES ($1, $2)', [workflowId(), step]);
}

@Workflow({ name: 'booked' })
class BookedWorkflow {
  @Step({ transactional: true, compensate: 'unbook' })
  async book({ refuse = false }: { refuse?: boolean }) {
    await insert('book');
    return { refuse };
  }

  @Step({ queue: 'elsewhere', transactional: true })
  async confirm(data: { refuse: boolean }) {
    await insert('confirm');
    return data;
  }

  @Compensate({ transactional: true })
  async unbook() {
    await insert('unbook');
  }

  @Step()
  async ship({ refuse }: { refuse: boolean }) {
    if (refuse) throw new Error('refused');
  }
}

let ground: Ground;

beforeAll(async () => {
  ground = await openGround();
});

afterAll(() => ground.close());

it.each(Object.entries(PARSERS))(
  'commits transactional steps and compensations, and starts and sends in transactions, where an app reads %s',
  async (what, parsers) => {
    const types = { getTypeParser: (oid: number): unknown => parsers[oid] ?? pg.types.getTypeParser(oid) };
    const source = new DataSource({ type: 'postgres', url: ground.url, installExtensions: false, extra: { types } });
    await source.initialize();
    const app = await openApp({ database: { dataSource: source }, queues: { default: {}, elsewhere: {} } }, [
      BookedWorkflow,
    ]);
    const { client } = app;
    try {
      const good = await client.start('booked', {});
      await good.result();
      expect(await bookingsOf(ground.pool, good.id)).toEqual(['book', 'confirm']);

      const undone = await client.start('booked', { refuse: true });
      await expect(undone.result()).rejects.toThrow('refused');
      expect(await bookingsOf(ground.pool, undone.id)).toEqual(['book', 'confirm', 'unbook']);

      const idempotencyKey = `key ${what}`;
      const runs = await source.transaction(async (manager) => {
        const one = await client.start('booked', {}, { manager, idempotencyKey });
        const again = await client.start('booked', {}, { manager, idempotencyKey });
        expect(again.id).toBe(one.id);
        const many = await client.startMany('booked', [{ input: {} }, { input: {} }], { manager });
        await one.sendEvent('told', { n: 1 }, { manager, dedupeKey: 'told' });
        await one.sendEvent('told', { n: 1 }, { manager, dedupeKey: 'told' });
        return [one, ...many];
      });
      for (const run of runs) await run.result();
      expect(await client.listEvents(runs[0]?.id ?? '')).toMatchObject([{ name: 'told' }]);
    } finally {
      await app.close();
      await source.destroy();
    }
  },
);

it('refuses a manager of another database, whatever its booleans are read as', async () => {
  const parsers: Readonly<Record<number, Parser>> = { 16: String };
  const types = { getTypeParser: (oid: number): unknown => parsers[oid] ?? pg.types.getTypeParser(oid) };
  const url = new URL(ground.url);
  url.pathname = '/postgres';
  const other = new DataSource({ type: 'postgres', url: url.href, installExtensions: false, extra: { types } });
  await other.initialize();
  const source = new DataSource({ type: 'postgres', url: ground.url, installExtensions: false });
  await source.initialize();
  const app = await openApp({ database: { dataSource: source }, queues: { default: {}, elsewhere: {} } }, [
    BookedWorkflow,
  ]);
  try {
    const starting = other.transaction((manager) => app.client.start('booked', {}, { manager }));
    await expect(starting).rejects.toThrow('expected an EntityManager on the database of this engine');
  } finally {
    await app.close();
    await Promise.all([other.destroy(), source.destroy()]);
  }
});
