import { jest } from '@jest/globals';
import type { ExecutionCounts } from '../../lib/core/run/execution.js';
import { RunTotals } from '../../lib/storage/reads/totals.js';
import { type Query, queryOf } from '../../lib/storage/connection/transaction.js';
import { Rows } from './rows.js';

let rows: Rows;
const asked: string[] = [];

beforeEach(async () => {
  rows = await Rows.open();
  asked.length = 0;
});

afterEach(async () => {
  jest.restoreAllMocks();
  await rows.close();
});

/** Of so many runs the ended ones are counted once a minute. */
function totals(many: number): RunTotals {
  const query: Query = (text, parameters) => {
    asked.push(text.includes('error_status') ? 'all' : 'unfinished');
    return queryOf(rows.pool)(text, parameters);
  };
  return new RunTotals({ schema: 'durable', many, query });
}

const some = ({ completed, pending, waiting }: ExecutionCounts) => ({ completed, pending, waiting });

it('few runs are counted at each call', async () => {
  const few = totals(100);
  await rows.run({ status: 'completed' });
  expect(some(await few.all())).toEqual({ completed: 1, pending: 0, waiting: 0 });
  await rows.run({ status: 'completed' });
  expect(some(await few.all())).toEqual({ completed: 2, pending: 0, waiting: 0 });
  expect(asked).toEqual(['all', 'all']);
});

it('of many runs those that have ended are counted once a minute, and those that have not at each call', async () => {
  const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
  const many = totals(1);
  for (let n = 0; n < 3; n++) await rows.run({ status: 'completed' });
  const [first, second] = await Promise.all([many.all(), many.all()]);
  expect(some(first)).toEqual({ completed: 3, pending: 0, waiting: 0 });
  expect(second).toEqual(first);
  // Whoever asks meanwhile shares the count.
  expect(asked).toEqual(['all', 'unfinished']);
  await rows.run({ status: 'completed' });
  await rows.open({});
  expect(some(await many.all())).toEqual({ completed: 3, pending: 1, waiting: 0 });
  now.mockReturnValue(61_001);
  expect(some(await many.all())).toEqual({ completed: 4, pending: 1, waiting: 0 });
  expect(asked).toEqual(['all', 'unfinished', 'unfinished', 'all']);
});

it('of few runs nobody gets a count that was begun before the question', async () => {
  const id = await rows.open({});
  const [made, goOn] = [signal(), signal()];
  const send = queryOf(rows.pool);
  let first = true;
  const query: Query = async (text, parameters) => {
    const isFirst = first;
    first = false;
    const found = await send<never>(text, parameters);
    if (!isFirst) return found;
    made.give();
    await goOn.given;
    return found;
  };
  const few = new RunTotals({ schema: 'durable', many: 100, query });
  const before = few.all();
  await made.given;
  await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id = $1', [id]);
  await rows.pool.query(`UPDATE durable.workflow_executions SET status = 'completed', completed_at = now() WHERE id = $1`, [id]); // prettier-ignore
  await rows.open({});
  const after = few.all();
  goOn.give();
  expect(some(await before)).toEqual({ completed: 0, pending: 1, waiting: 0 });
  expect(some(await after)).toEqual({ completed: 1, pending: 1, waiting: 0 });
});

function signal(): { given: Promise<void>; give: () => void } {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => (give = resolve));
  return { given, give };
}

it('a count that failed is made again', async () => {
  let away = true;
  const send = queryOf(rows.pool);
  const query: Query = (text, parameters) => (away ? Promise.reject(new Error('away')) : send(text, parameters));
  const many = new RunTotals({ schema: 'durable', many: 0, query });
  await expect(many.all()).rejects.toThrow('away');
  away = false;
  await rows.run({ status: 'completed' });
  expect(some(await many.all())).toEqual({ completed: 1, pending: 0, waiting: 0 });
});

it('whoever waits for a count that fails has its error, and no second try of as long', async () => {
  const error = new Error('The database is away');
  let fail: (error: Error) => void = () => {};
  let calls = 0;
  const query: Query = () => {
    calls++;
    return new Promise((_, reject) => (fail = reject));
  };
  const away = new RunTotals({ schema: 'durable', query });
  const both = Promise.allSettled([away.all(), away.all()]);
  fail(error);
  expect(await both).toEqual([
    { status: 'rejected', reason: error },
    { status: 'rejected', reason: error },
  ]);
  expect(calls).toBe(1);
});
