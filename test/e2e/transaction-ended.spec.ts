import { Compensate, Step, stepManager, Workflow, workflowId } from 'nest-durable';
import { DataSource, type EntityManager } from 'typeorm';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/** The transaction of a transactional step belongs to the engine. A step that ends it by itself has failed, for good. */

type Way = (manager: EntityManager) => Promise<unknown>;

const ENDS: Readonly<Record<string, Way>> = {
  COMMIT: (manager) => manager.query('COMMIT'),
  END: (manager) => manager.query('END'),
  ROLLBACK: (manager) => manager.query('ROLLBACK'),
  ABORT: (manager) => manager.query('ABORT'),
  'COMMIT AND CHAIN': (manager) => manager.query('COMMIT AND CHAIN'),
  'COMMIT and BEGIN in one message': (manager) => manager.query('COMMIT; BEGIN'),
  'ROLLBACK AND CHAIN': (manager) => manager.query('ROLLBACK AND CHAIN'),
  'ROLLBACK AND CHAIN behind and between comments': (manager) =>
    manager.query('-- start over\nROLLBACK /* all */ AND CHAIN'),
  'ABORT TRANSACTION AND CHAIN after another statement': (manager) =>
    manager.query('SELECT 1; abort  transaction\n and chain'),
  'ROLLBACK and BEGIN in one message': (manager) => manager.query('ROLLBACK; BEGIN'),
  'ROLLBACK and BEGIN with a statement between them': (manager) => manager.query('ROLLBACK; SELECT 1; BEGIN'),
  'COMMIT and BEGIN': async (manager) => {
    await manager.query('COMMIT');
    await manager.query('BEGIN');
  },
  "TypeORM's commitTransaction()": (manager) => runner(manager).commitTransaction(),
  "TypeORM's rollbackTransaction()": (manager) => runner(manager).rollbackTransaction(),
  'COMMIT, and throwing then': async (manager) => {
    await manager.query('COMMIT');
    throw new Error('after the commit');
  },
};

const KEEPS: Readonly<Record<string, Way>> = {
  'a savepoint that is released': (manager) => manager.transaction((nested) => nested.query('SELECT 1')),
  'a savepoint that is rolled back': (manager) =>
    manager
      .transaction(async (nested) => {
        await nested.query('SELECT 1 / 0');
      })
      .catch(() => {}),
  'ROLLBACK TO SAVEPOINT': async (manager) => {
    await manager.query('SAVEPOINT a');
    await manager.query('ROLLBACK TO SAVEPOINT a');
  },
  'ROLLBACK TO SAVEPOINT beside text that looks like its end': async (manager) => {
    await manager.query(`SAVEPOINT a; SELECT 'rollback and chain', true AND chain FROM (SELECT true AS chain) c`);
    await manager.query('ROLLBACK TO SAVEPOINT a');
  },
  'BEGIN, which has no effect': (manager) => manager.query('BEGIN'),
};

function runner(manager: EntityManager) {
  const { queryRunner } = manager;
  if (queryRunner === undefined) throw new Error('There is no query runner');
  return queryRunner;
}

function insert(): Promise<unknown> {
  return stepManager<EntityManager>().query('INSERT INTO bookings (run, step) VALUES ($1, $2)', [workflowId(), 'book']);
}

let calls = 0;

abstract class Books {
  async work({ way }: { way: string }) {
    calls++;
    await insert();
    await (ENDS[way] ?? KEEPS[way])?.(stepManager<EntityManager>());
    await insert();
  }
}

@Workflow({ name: 'books' })
class BooksWorkflow extends Books {
  @Step({ transactional: true, retry: { maxAttempts: 3, initialDelay: 1 } })
  book(data: { way: string }) {
    return this.work(data);
  }
}

@Workflow({ name: 'books_elsewhere' })
class BooksElsewhereWorkflow extends Books {
  @Step({ transactional: true, queue: 'elsewhere', retry: { maxAttempts: 3, initialDelay: 1 } })
  book(data: { way: string }) {
    return this.work(data);
  }
}

@Workflow({ name: 'undoes' })
class UndoesWorkflow extends Books {
  @Step({ compensate: 'undo' })
  act() {}

  @Step()
  fail() {
    throw new Error('fails');
  }

  @Compensate({ transactional: true, retry: { maxAttempts: 3, initialDelay: 1 } })
  undo(data: { way: string }) {
    return this.work(data);
  }
}

let ground: Ground;
let dataSource: DataSource;
let app: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  dataSource = await new DataSource({ type: 'postgres', url: ground.url, installExtensions: false }).initialize();
  const options = { database: { dataSource }, queues: { default: {}, elsewhere: {} } };
  app = await openApp(options, [BooksWorkflow, BooksElsewhereWorkflow, UndoesWorkflow]);
});

afterAll(async () => {
  await app.close();
  await dataSource.destroy();
  await ground.pool.end();
});

beforeEach(() => {
  calls = 0;
});

describe.each(['books', 'books_elsewhere'])('a step of %s', (workflow) => {
  it.each(Object.keys(ENDS))('fails at once by %s, and is recorded once, as failed', async (way) => {
    const run = await app.client.start(workflow, { way });
    await expect(run.result()).rejects.toMatchObject({ cause: { name: 'StepUsageError', code: 'TRANSACTION_ENDED' } });
    expect(calls).toBe(1);
    const steps = (await app.client.getSteps(run.id)).filter(({ type }) => type === 'step');
    expect(steps.map(({ step, attempt, status }) => [step, attempt, status])).toEqual([['book', 1, 'failed']]);
    await expectInvariants(ground.pool, { runs: [run] });
  });

  it.each(Object.keys(KEEPS))('may use %s', async (way) => {
    const run = await app.client.start(workflow, { way });
    expect(await run.result()).toEqual({ way });
    expect(calls).toBe(1);
  });
});

it('says what the step threw after it had committed by itself', async () => {
  const run = await app.client.start('books', { way: 'COMMIT, and throwing then' });
  await expect(run.result()).rejects.toMatchObject({ cause: { cause: { message: 'after the commit' } } });
});

it.each(Object.keys(ENDS))('a compensation has failed by %s', async (way) => {
  const run = await app.client.start('undoes', { way });
  await expect(run.result()).rejects.toMatchObject({ status: 'compensation_failed' });
  expect(calls).toBe(1);
  expect(await run.execution()).toMatchObject({
    compensationResults: [
      { step: 'act', compensation: 'undo', status: 'failed', error: { code: 'TRANSACTION_ENDED' } },
    ],
  });
});
