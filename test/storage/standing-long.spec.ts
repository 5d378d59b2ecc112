import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import {
  type CompensationNode,
  DEFAULT_RETRY,
  DEFAULT_SETTINGS,
  type Sequence,
  type StepNode,
  type WorkflowNode,
} from '../../lib/core/definition/definition.js';
import type { InFlight } from '../../lib/core/run/execution.js';
import { REMOTE_SPAN } from '../../lib/engine/ports/store.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { PgStandingReads } from '../../lib/storage/reads/standing-reads.js';
import { Rows } from './rows.js';

/** Sentences of runs with long journals: of their last records, in bounded time (statement-plans.spec.ts). */

let rows: Rows;
let reads: PgStandingReads;
let running: InFlight[] = [];
let versions = 0;

beforeAll(async () => {
  rows = await Rows.open();
  const inFlight = async (ids: readonly string[]) => running.filter(({ runId }) => ids.includes(runId));
  reads = new PgStandingReads({ query: queryOf(rows.pool), schema: 'durable', redact: NO_REDACTION, inFlight });
});
beforeEach(() => {
  running = [];
});
afterAll(() => rows.close());

function step(name: string, compensate: string | null = null): StepNode {
  return { kind: 'step', name, member: name, settings: { ...DEFAULT_SETTINGS, compensate } };
}

function loop(name: string, arm: Sequence, onError: 'failFast' | 'completeAll' = 'failFast'): WorkflowNode {
  return { kind: 'forEach', name, member: name, settings: DEFAULT_SETTINGS, concurrency: 10, onError, results: 'none', arm }; // prettier-ignore
}

async function defined(nodes: Sequence, compensations: readonly CompensationNode[] = []): Promise<number> {
  const id = await rows.addDefinition(`mailing ${++versions}`, 1);
  const definition = JSON.stringify({ name: 'mailing', nodes, compensations });
  await rows.pool.query('UPDATE durable.workflow_definitions SET definition = $2 WHERE id = $1', [id, definition]);
  return id;
}

/** A run that a worker has, which runs a step of an item of `all`. */
async function held(definitionId: number, path: string): Promise<string> {
  const worker = await rows.worker({ capacity: { default: 1 } });
  const queue = { started_at: new Date(), state: 'running', worker_id: worker, definition_id: definitionId };
  const id = await rows.open(queue, { definition_id: definitionId });
  const startedAt = Date.now();
  const [name = ''] = path.split('/').slice(-1);
  running.push({ runId: id, step: name, path, type: 'step', round: 1, visit: 1, attempt: 1, input: 0, startedAt });
  return id;
}

/** Further numbers, of which every `gap`th is taken: the steps of items of `all`, `ago`; every tenth has failed for good. */
async function ended(id: string, count: number, { type = 'step', gap = 1, ago = '1 hour' } = {}): Promise<void> {
  await rows.pool.query(
    `INSERT INTO durable.step_executions (
       run_id, seq, input_seq, input_item, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output, error)
     SELECT $1, 1 + n * $4::bigint, 1, n - 1, now() - $5::interval, 1, 1, 1, 1, 7, $3, CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'completed' END,
       'all[' || n - 1 || ']/send' || CASE WHEN $3 = 'compensate' THEN '~unsend' ELSE '' END,
       CASE WHEN n % 10 <> 0 THEN '{}' END, CASE WHEN n % 10 = 0 THEN '{"name":"E","message":""}' END
     FROM generate_series(1, $2::integer) n`,
    [id, count, type, gap, ago],
  );
}

/** A run that is looked at with 49 others, so that few of its records are. */
async function amongMany(id: string, other: () => Promise<string>) {
  const others = await Promise.all(Array.from({ length: 49 }, other));
  return (await reads.explainAll([id, ...others])).get(id);
}

const selector = (id: string, items: number, path = 'all', seq = 1) =>
  rows.record(id, seq, { type: 'forEach', path, facts: JSON.stringify({ items }), output: '[]' });

describe('progress of a loop', () => {
  it('is counted where the loop has some thousand items', async () => {
    const id = await held(await defined([loop('all', [step('send')])]), 'all[9999]/send');
    await selector(id, 10_000);
    await ended(id, 9_000);
    expect((await reads.explain(id))?.title).toBe(
      'Runs `send` for 1 item; 9 000 of 10 000 are through, 900 of them failed',
    );
  });

  it.each([1, REMOTE_SPAN])(
    'is about right, from the last records, where it has 100 000: each %dth number',
    async (gap) => {
      const id = await held(await defined([loop('all', [step('send')])]), 'all[99999]/send');
      await selector(id, 100_000);
      await ended(id, 90_000, { gap });
      await rows.pool.query(
        'UPDATE durable.step_executions SET completed_at = now() WHERE run_id = $1 AND input_item >= 89900',
        [id],
      );
      const { title, detail } = (await reads.explain(id)) ?? {};
      expect(title).toBe('Runs `send` for 1 item; about 90 000 of 100 000 are through, about 9 000 of them failed');
      // 100 in the last minute, 10 000 to come.
      expect(detail).toMatch(/^For \d.*\. About 100 min yet\./);
    },
  );

  it('is counted where its steps are on another queue, for each of which numbers are kept free', async () => {
    const id = await held(await defined([loop('all', [step('send')])]), 'all[100]/send');
    await selector(id, 10_000);
    await ended(id, 100, { gap: REMOTE_SPAN });
    expect((await reads.explain(id))?.title).toBe(
      'Runs `send` for 1 item; 100 of 10 000 are through, 10 of them failed',
    );
  });

  it('says no time left where the records that are looked at are younger than a minute', async () => {
    const definitionId = await defined([loop('all', [step('send')])]);
    const id = await held(definitionId, 'all[9999]/send');
    await selector(id, 10_000);
    await ended(id, 1_000, { ago: '0 s' });
    expect((await reads.explain(id))?.detail).toContain('About 9 min yet.');
    const { title, detail } = (await amongMany(id, () => held(definitionId, 'all[0]/send'))) ?? {};
    expect(title).toContain('about 1 000 of 10 000 are through, about 100 of them failed');
    expect(detail).not.toContain('yet');
  });

  it('is at least what was looked at where the other records are too many to be counted', async () => {
    const definitionId = await defined([loop('all', [step('send')])]);
    const id = await held(definitionId, 'all[9999]/send');
    await selector(id, 10_000);
    await ended(id, 5_000);
    const standing = await amongMany(id, () => held(definitionId, 'all[0]/send'));
    expect(standing?.title).toContain('at least 400 of 10 000 are through, at least 40 of them failed');
  });

  it('is of whole items: of an arm of two steps, of a loop in the arm, and with failures that the inner loop keeps', async () => {
    const two = await held(await defined([loop('all', [step('render'), step('send')])]), 'all[2]/send');
    await selector(two, 3);
    for (const [at, path] of ['all[0]/render', 'all[1]/render', 'all[0]/send', 'all[2]/render'].entries()) {
      await rows.record(two, at + 2, path.endsWith('render') ? { path, input_seq: 1, input_item: at } : { path });
    }
    expect((await reads.explain(two))?.title).toBe('Runs `send` for 1 item; 1 of 3 are through');
    const nested = await held(
      await defined([loop('all', [loop('parts', [step('send')], 'completeAll')])]),
      'all[1]/parts[0]/send',
    );
    // The innermost loop is the one that is told of.
    running[running.length - 1] = { ...(running.at(-1) as InFlight), path: 'all[1]/step', step: 'step' };
    await selector(nested, 3);
    await selector(nested, 2, 'all[0]/parts', 2);
    await rows.pool.query(
      'UPDATE durable.step_executions SET input_seq = 1, input_item = 0 WHERE run_id = $1 AND seq = 2',
      [nested],
    );
    await rows.record(nested, 3, { path: 'all[0]/parts[0]/send' });
    const error = '{"name":"E","message":""}';
    await rows.record(nested, 4, { path: 'all[0]/parts[1]/send', status: 'failed', error });
    await selector(nested, 2, 'all[1]/parts', 5);
    await rows.record(nested, 6, { path: 'all[1]/parts[0]/send' });
    expect((await reads.explain(nested))?.title).toBe('Runs `step` for 1 item; 1 of 3 are through');
  });
});

it('a completed run worked for more than its last records did', async () => {
  const id = await rows.run({ status: 'completed', started_at: new Date(Date.now() - 3_600_000) });
  await selector(id, 30_000);
  await ended(id, 30_000);
  const standing = await reads.explain(id);
  expect(standing?.title).toMatch(/; it worked for more than 2 min of them$/);
  expect(standing?.detail).toContain('2 000 attempts and more failed on the way. 2 000 items and more failed.');
});

it('a completed run of few records has told all of its work, also where numbers between them are free', async () => {
  const id = await rows.run({ status: 'completed', started_at: new Date(Date.now() - 3_600_000) });
  await rows.record(id, 1, { status: 'failed', error: '{"name":"E","message":""}', retry_at: new Date() });
  await rows.record(id, 2);
  await rows.record(id, 2 + REMOTE_SPAN);
  const standing = await reads.explain(id);
  expect(standing?.title).toMatch(/; it worked for 15 ms of them$/);
  expect(standing?.detail).toBe('1 attempt failed on the way.');
});

it('a completed run says its longest wait where all its waits are looked at', async () => {
  const id = await rows.run({ status: 'completed', started_at: new Date(Date.now() - 3_600_000) });
  const hour = { created_at: new Date(Date.now() - 3_600_000), closed_at: new Date() };
  await rows.wait(id, { kind: 'event', state: 'done', ...hour });
  await Promise.all(Array.from({ length: 400 }, () => rows.wait(id, { kind: 'event', state: 'done' })));
  expect((await reads.explain(id))?.detail).toBe('Its longest wait, in `ask`, took 60 min.');
  expect((await amongMany(id, () => rows.run({ status: 'completed' })))?.detail).toBe('');
});

it('a failed run says its attempts where the last of them is among its last records', async () => {
  const failed = { status: 'failed', error: '{"name":"E","message":""}', failed_step: 'charge' };
  const id = await rows.run(failed);
  await rows.record(id, 1, { status: 'failed', attempt: 3, error: failed.error });
  await ended(id, 400, { type: 'compensate' });
  expect((await reads.explain(id))?.title).toBe('Failed at `charge` after 3 attempts with `E`');
  expect((await amongMany(id, () => rows.run(failed)))?.title).toBe('Failed at `charge` with `E`');
});

it('a run with many steps to undo tells of the last ones, each name once', async () => {
  const compensation = {
    name: 'unsend', member: 'unsend', retry: DEFAULT_RETRY, timeout: null, transactional: false,
  }; // prettier-ignore
  const definitionId = await defined([loop('all', [step('send', 'unsend')])], [compensation]);
  const error = '{"name":"E","message":""}';
  const failed = { definition_id: definitionId, status: 'compensated', error, failed_step: 'send' };
  const [few, many] = [await rows.run(failed), await rows.run(failed)];
  await ended(few, 100, { type: 'compensate' });
  await ended(many, 6_000, { type: 'compensate' });
  expect((await reads.explain(few))?.detail).toContain(
    'Undone: `send` (90 times). Could not be undone: `send` (10 times).',
  );
  expect((await reads.explain(many))?.detail).toContain('Undone: `send` (4 500 times) and more.');
});
