import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Branch,
  Compensate,
  Decision,
  DurableClient,
  DurableModule,
  FatalError,
  goto,
  Parallel,
  Step,
  Workflow,
} from 'nest-durable';
import pg from 'pg';
import { snapshot } from '../../lib/storage/connection/transaction.js';
import { findViolations } from '../../lib/storage/reads/verify.js';
import { createTestDatabase, testSchema, type TestDatabase } from '../support/database.js';

const calls: string[] = [];
const broken = new Set<string>();

interface Order {
  readonly n?: number;
  readonly rounds?: number;
}

@Workflow({ name: 'order' })
class OrderWorkflow {
  @Step()
  reserve(order: Order) {
    calls.push('reserve');
    return { ...order, n: (order.n ?? 0) + 1 };
  }

  @Decision({ goto: ['reserve'] })
  again(order: Order & { n: number }) {
    return order.n < (order.rounds ?? 1) ? goto('reserve') : undefined;
  }

  @Branch({ card: ['charge', 'receipt'] })
  pay() {
    return 'card';
  }

  @Step()
  charge(order: Order) {
    calls.push('charge');
    return { ...order, charged: true };
  }

  @Step()
  receipt(order: Order) {
    calls.push('receipt');
    if (broken.has('receipt')) throw new FatalError('no receipt');
    return { ...order, receipt: true };
  }

  @Parallel(['pack', 'label'])
  prepare(order: Order, results: object) {
    return { ...order, prepared: Object.keys(results) };
  }

  @Step()
  pack() {
    calls.push('pack');
  }

  @Step()
  label() {
    calls.push('label');
  }

  @Step()
  ship(order: Order) {
    calls.push('ship');
    return { ...order, shipped: true };
  }
}

@Workflow({ name: 'undone' })
class UndoneWorkflow {
  @Step({ compensate: 'giveBack' })
  take() {
    calls.push('take');
  }

  @Step()
  middle(data: object) {
    return { ...data, middle: true };
  }

  @Step()
  last() {
    if (broken.has('last')) throw new FatalError('last');
  }

  @Compensate()
  giveBack() {
    calls.push('giveBack');
  }
}

let database: TestDatabase;
let app: INestApplicationContext;
let client: DurableClient;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url: database.url } })],
    providers: [OrderWorkflow, UndoneWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterAll(async () => {
  await app.close();
  await pool.end();
});

beforeEach(() => {
  calls.splice(0);
  broken.clear();
});

describe('restartFrom', () => {
  it('goes on from a step in a branch, with what was recorded before it', async () => {
    broken.add('receipt');
    const old = await client.start(OrderWorkflow, { id: 'a' });
    await expect(old.result()).rejects.toMatchObject({ cause: { message: 'no receipt' } });
    broken.clear();
    calls.splice(0);
    const run = await client.restartFrom(old.id, 'receipt');
    expect(await run.result()).toEqual({
      id: 'a',
      n: 1,
      charged: true,
      receipt: true,
      prepared: ['pack', 'label'],
      shipped: true,
    });
    expect(calls.toSorted()).toEqual(['label', 'pack', 'receipt', 'ship']);
    const execution = await client.getExecution(run.id, { includeSteps: true });
    expect(execution?.retryOf).toBe(old.id);
    expect(execution?.steps?.map((step) => step.step)).toEqual([
      'reserve',
      'again',
      'pay',
      'charge',
      'receipt',
      'pack',
      'label',
      'prepare',
      'ship',
    ]);
  });

  it('takes the last visit of a step, the first step, and a fan-out as a whole', async () => {
    const old = await client.start(OrderWorkflow, { rounds: 3 });
    await old.result();
    calls.splice(0);
    const third = await client.restartFrom(old.id, 'reserve');
    expect(await third.result()).toMatchObject({ n: 3 });
    expect(calls.filter((call) => call === 'reserve')).toHaveLength(1);
    calls.splice(0);
    const fanOut = await client.restartFrom(old.id, 'prepare');
    await fanOut.result();
    expect(calls.toSorted()).toEqual(['label', 'pack', 'ship']);
    const first = await client.start(OrderWorkflow, {});
    await first.result();
    calls.splice(0);
    await (await client.restartFrom(first.id, 'reserve')).result();
    expect(calls).toContain('reserve');
  });

  it('takes the duty to undo along', async () => {
    const old = await client.start(UndoneWorkflow, {});
    await old.result();
    broken.add('last');
    calls.splice(0);
    const run = await client.restartFrom(old.id, 'last');
    await expect(run.result()).rejects.toMatchObject({ status: 'compensated' });
    expect(calls).toEqual(['giveBack']);
    await expect(client.restartFrom(run.id, 'last')).rejects.toThrow(/undone/);
  });

  it('leaves nothing that must not be', async () => {
    expect(await snapshot(pool, (query) => findViolations(query, testSchema))).toEqual([]);
  });

  it('refuses what it cannot do, and says why', async () => {
    const run = await client.start(OrderWorkflow, {});
    await run.result();
    await expect(client.restartFrom(run.id, 'pack')).rejects.toThrow(/"prepare"/);
    await expect(client.restartFrom(run.id, 'shipp')).rejects.toThrow(/ship/);
    await expect(client.restartFrom(run.id, '')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(client.restartFrom('7f1e0000-0000-7000-8000-000000000000', 'ship')).rejects.toMatchObject({
      code: 'EXECUTION_NOT_FOUND',
    });
    broken.add('receipt');
    const failed = await client.start(OrderWorkflow, {});
    await failed.result().catch(() => {});
    await expect(client.restartFrom(failed.id, 'ship')).rejects.toThrow(/never came/);
  });
});
