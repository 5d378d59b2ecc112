import { queryOf } from '../../lib/storage/transaction.js';
import { describeViolation, findViolations } from '../../lib/storage/verify.js';
import { Rows } from './rows.js';

/** Each invariant is broken by hand, and found. */
let rows: Rows;

beforeEach(async () => {
  rows = await Rows.open();
});

afterEach(() => rows.close());

async function found(): Promise<string[]> {
  return (await findViolations(queryOf(rows.pool), 'durable')).map(describeViolation);
}

async function worker(): Promise<number> {
  const { rows: added } = await rows.pool.query<{ id: number }>(
    `INSERT INTO durable.workers (host, pid, version, queues, definitions, expires_at)
     VALUES ('here', 1, '1', '{default}', '{1}', now() + interval '1 minute') RETURNING id`,
  );
  return added[0]?.id ?? 0;
}

it('finds nothing in what is as it should be', async () => {
  await rows.open({});
  const held = await rows.open({ state: 'running', worker_id: await worker(), token: 2 });
  await rows.record(held, 1, { path: 'a', token: 1, output: '{}' });
  await rows.record(held, 2, { path: 'b~~once', type: 'once', token: 1, input_seq: 1, output: '1' });
  await rows.record(held, 3, { path: 'b', status: 'failed', error: '{}', token: 2, input_seq: 1, output: null });
  await rows.record(held, 4, { path: 'b', attempt: 2, token: 2, input_seq: 1, output: '{}' });
  const done = await rows.run({ status: 'completed', end_token: 1, data_seq: 1 });
  await rows.record(done, 1, { path: 'a', output: '{}' });
  expect(await found()).toEqual([]);
});

it('I1: a run that nobody will ever take', async () => {
  const lost = await rows.run();
  const forgotten = await rows.open({ state: 'running', worker_id: 4711, token: 1 });
  const ended = await rows.run({ status: 'cancelled', error: '{}' });
  await rows.queued({ step_of: ended, step: '{}', queue: 'ai' });
  expect(await found()).toEqual([
    expect.stringContaining(`I1: run ${lost} is unfinished and has no row`),
    expect.stringContaining(`I1: run ${forgotten} is held by worker 4711`),
    expect.stringContaining(`I1: run ${ended} has ended, or never was, and a step of it is still in queue "ai"`),
  ]);
});

it('I2: an attempt recorded twice, a step that goes on after its completion', async () => {
  const twice = await rows.open({ token: 1 });
  await rows.record(twice, 1, { path: 'a', status: 'failed', error: '{}', output: null });
  await rows.record(twice, 2, { path: 'a', status: 'failed', error: '{}', output: null });
  const again = await rows.open({ token: 1 });
  await rows.record(again, 1, { path: 'a', output: '{}' });
  await rows.record(again, 2, { path: 'a', attempt: 2, output: '{}' });
  const late = await rows.open({ token: 1 });
  await rows.record(late, 1, { path: 'a', output: '{}' });
  await rows.record(late, 2, { path: 'a', attempt: 2, status: 'failed', error: '{}', output: null });
  expect(await found()).toEqual([
    `I2: run ${twice} has 2 records of attempt 1 of a (round 1, visit 1)`,
    `I2: run ${again} completed a 2 times in round 1, visit 1`,
    `I2: run ${late} has record 2 of a after record 1, which completed it`,
  ]);
});

it('I3: tokens that fall, or were never handed out', async () => {
  const fell = await rows.open({ token: 2 });
  await rows.record(fell, 1, { path: 'a', token: 2, output: '{}' });
  await rows.record(fell, 2, { path: 'b', token: 1, output: '{}' });
  const early = await rows.open({ token: 1 });
  await rows.record(early, 1, { path: 'a', token: 2, output: '{}' });
  const twice = await rows.open({ token: 1, state: 'sleeping', due_at: 'infinity' });
  const step = JSON.stringify({ path: 'a', visit: 1, round: 1 });
  await rows.queued({ step_of: twice, step });
  await rows.queued({ step_of: twice, step });
  expect(await found()).toEqual([
    `I3: run ${fell} has record 2 of b with token 1 after one with token 2`,
    `I3: run ${early} has record 1 of a with token 2, and its last lease had token 1`,
    `I3: run ${twice} has 2 leases of one step: a`,
  ]);
});

it('I4: records that are gone', async () => {
  const source = await rows.open({ token: 1 });
  await rows.record(source, 2, { path: 'b', input_seq: 1, output: '{}' });
  const data = await rows.run({ status: 'completed', end_token: 1, data_seq: 3 });
  expect(await found()).toEqual([
    `I4: run ${source} has record 2 of b, whose input was record 1, which is not there`,
    `I4: run ${data} has the data of record 3, which is not there`,
  ]);
});

it('I5: an end that is none', async () => {
  const queued = await rows.run({ status: 'completed', end_token: 1 });
  await rows.queued({ id: queued });
  const failed = await rows.run({ status: 'completed', end_token: 1 });
  await rows.record(failed, 1, { path: 'a', status: 'failed', error: '{}', output: null });
  const nobody = await rows.run({ status: 'failed', error: '{}' });
  expect(await found()).toEqual([
    `I5: run ${queued} is completed and still in queue "default" (ready)`,
    `I5: run ${failed} is completed, and the last attempt of a failed`,
    `I5: run ${nobody} is failed, and no lease has ended it`,
  ]);
});
