import { Logger } from '@nestjs/common';
import { callWorkflow, DurableClient, FatalError, ForEach, once, Step, waitForEvent, Workflow } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { encode } from '../../lib/core/codec/codec.js';
import { NO_REDACTION, compileRedaction } from '../../lib/core/redact/redact.js';
import type { StepRecord } from '../../lib/core/run/execution.js';
import { queryOf, type Query } from '../../lib/storage/connection/transaction.js';
import { PgJournalReads } from '../../lib/storage/reads/journal-reads.js';
import { PgStepReads } from '../../lib/storage/reads/step-reads.js';
import { Rows } from '../storage/rows.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

/** The export of a run's journal says what `getExecution()` says, and is read in pieces. */

const ITEMS = 250;
const failing = new Set(['begin']);

@Workflow({ name: 'mailing' })
class MailingWorkflow {
  private readonly logger = new Logger('Mailing');

  @Step({ retry: { maxAttempts: 2, initialDelay: 1, jitter: false } })
  async begin(data: { fails: boolean }) {
    this.logger.log('begins');
    const key = await once('key', () => ({ at: new Date(5) }));
    if (data.fails) await once('tries', () => 1);
    if (data.fails && failing.delete('begin')) throw new Error(`not yet ${key.at.getTime()}`);
    return data;
  }

  @ForEach(['render', 'send'], { concurrency: 50, results: 'none' })
  recipients() {
    return Array.from({ length: ITEMS }, (_, n) => ({ n, big: 10n }));
  }

  @Step()
  render(item: { n: number }) {
    this.logger.log(`renders ${item.n}`);
    return { ...item, rendered: true };
  }

  @Step()
  send() {}

  @Step()
  async child() {
    await callWorkflow(ChildWorkflow, {});
    this.logger.log('waits');
    await waitForEvent('go');
    throw new FatalError('no');
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  only() {}
}

let running: RunningApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const dashboard = DurableDashboardModule.forRoot({ guards: [{ canActivate: () => true }] });
  const options = { providers: [MailingWorkflow, ChildWorkflow], workers: true };
  running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard], options);
  client = running.app.get(DurableClient);
});
afterAll(() => running.close());

/** What the client says of it, as JSON has it. */
async function expected(id: string): Promise<unknown> {
  const run = await client.getExecution(id, { includeLogs: true });
  const plain = (value: unknown): unknown => JSON.parse(encode(value));
  const steps = run?.steps?.map(({ input, output, error, once: values, ...step }) => ({
    ...step,
    input: plain(input),
    output: plain(output),
    error,
    ...(values !== undefined && { once: values.map(({ name, value }) => ({ name, value: plain(value) })) }),
  }));
  return JSON.parse(JSON.stringify({ ...run, input: plain(run?.input), data: plain(run?.data), steps }));
}

it('has all attempts with their payloads, logs and what once() recorded, of a run that waits and of one that has ended', async () => {
  const { id } = await client.start(MailingWorkflow, { fails: true });
  await until(async () => (await client.getExecution(id))?.status === 'waiting' && (await asks(id)));
  const waits = await running.ask(`/api/runs/${id}/export`);
  expect(waits.headers['content-disposition']).toBe(`attachment; filename="journal-${id}.json"`);
  const found = JSON.parse(waits.text) as { steps: StepRecord[] };
  expect(found.steps).toHaveLength(2 + 1 + 2 * ITEMS + 1);
  expect(found).toEqual(await expected(id));
  expect(found.steps.at(-1)).toMatchObject({ status: 'waiting', logs: [{ message: 'waits' }] });
  // Both attempts got the same: it is told of the one that recorded it.
  expect(found.steps[0]?.once?.map(({ name }) => name)).toEqual(['key', 'tries']);
  await client.sendEvent(id, 'go', {});
  await client
    .handle(id)
    .result()
    .catch(() => {});
  expect(JSON.parse((await running.ask(`/api/runs/${id}/export`)).text)).toEqual(await expected(id));
});

async function asks(id: string): Promise<boolean> {
  return (await client.explain(id))?.waits.some(({ kind }) => kind === 'event') === true;
}

it('of a run without steps is one document too', async () => {
  const { id } = await client.start(MailingWorkflow, { fails: false }, { delay: 60_000 });
  expect(JSON.parse((await running.ask(`/api/runs/${id}/export`)).text)).toMatchObject({ id, steps: [] });
  await client.cancel(id);
});

describe('a journal of many records', () => {
  let rows: Rows;
  const asked: string[] = [];

  beforeAll(async () => {
    rows = await Rows.open();
  });
  afterAll(() => rows.close());

  function journal(redact = NO_REDACTION): PgJournalReads {
    const send = queryOf(rows.pool);
    const query: Query = (text, parameters) => {
      asked.push(text);
      return send(text, parameters);
    };
    const inFlight = async () => [];
    const steps = new PgStepReads({ query, schema: 'durable', redact, inFlight, definition: async () => null });
    return new PgJournalReads({ query, schema: 'durable', redact, steps });
  }

  it('is read as it is taken, and so much at a time that its payloads are no more than some megabytes', async () => {
    const id = await rows.run({ status: 'completed' });
    // Characters that do not compress.
    await rows.pool.query(
      `INSERT INTO durable.step_executions (run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output)
       SELECT $1, n, n - 1, now(), 1, 1, n, 1, 7, 'step', 'completed', 'turn',
         (SELECT '"' || string_agg(md5(n || ' ' || m), '') || '"' FROM generate_series(1, 4000) m)
       FROM generate_series(1, 300) n`,
      [id],
    );
    asked.length = 0;
    const entries = journal().entries(id, true);
    const first = await entries.next();
    expect(first.value).toMatchObject({ path: 'turn', visit: 1 });
    const begun = asked.length;
    const pages = asked.filter((text) => text.includes('pg_column_size')).length;
    expect(pages).toBe(1);
    let count = 1;
    let bytes = 0;
    let atTwenty = 0;
    for await (const { output, visit } of entries) {
      count++;
      expect(visit).toBe(count);
      bytes += String(output).length;
      if (count === 20) atTwenty = asked.length;
    }
    // 4 MB are 32 of them.
    expect(atTwenty).toBe(begun);
    expect([count, bytes]).toEqual([300, 299 * 128_000]);
    expect(asked.filter((text) => text.includes('pg_column_size')).length).toBeGreaterThan(8);
  });

  it('is redacted, values of once() by their names too', async () => {
    const id = await rows.run({ status: 'completed' });
    await rows.record(id, 1, { type: 'once', path: 'charge~~card', output: '"never shown"' });
    await rows.record(id, 2, { output: '{"card":"never shown","n":1}' });
    const found: StepRecord[] = [];
    for await (const entry of journal(compileRedaction(['card'])).entries(id, true)) found.push(entry);
    expect(JSON.stringify(found)).not.toContain('never shown');
    expect(found).toMatchObject([{ output: { n: 1 }, once: [{ name: 'card' }] }]);
  });
});
