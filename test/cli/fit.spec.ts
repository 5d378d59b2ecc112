import { Logger } from '@nestjs/common';
import { jest } from '@jest/globals';
import { DurableClient, FatalError, Schedule, Step, waitForEvent, Workflow } from 'nest-durable';
import pg from 'pg';
import { Gates } from '../support/plain-app.js';
import { cut, widthOf, wrap } from '../../lib/cli/output/text.js';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cliOn, json } from './support.js';

const LONG = `${'日本語 '.repeat(20)}${'long '.repeat(30)}${'x'.repeat(120)}`;

@Workflow({ name: 'wordy', description: LONG })
class WordyWorkflow {
  @Step()
  say() {
    new Logger('Wordy').log(LONG);
  }

  @Step({ name: `a step of a long name ${'y'.repeat(60)}` })
  fail() {
    throw new FatalError(LONG);
  }
}

@Workflow({ name: 'loop' })
class LoopWorkflow {
  @Step()
  async begin() {
    await waitForEvent('begin');
  }

  @Step()
  talk({ lines }: { lines: number }) {
    const log = new Logger('Loop');
    for (let n = 1; n <= lines; n++) log.log(`line ${n}`);
  }

  @Step() s1() {} // prettier-ignore
  @Step() s2() {} // prettier-ignore
  @Step() s3() {} // prettier-ignore
  @Step() s4() {} // prettier-ignore
  @Step() s5() {} // prettier-ignore
  @Step() s6() {} // prettier-ignore
  @Step() s7() {} // prettier-ignore
  @Step() s8() {} // prettier-ignore

  @Step()
  async end() {
    await waitForEvent('end');
  }
}

const gates = new Gates();

@Workflow({ name: `busy-${'b'.repeat(60)}` })
@Schedule({ cron: '0 2 * * *' })
class BusyWorkflow {
  @Step({ name: `work-${'w'.repeat(60)}` })
  async work() {
    await gates.pass('busy');
  }
}

let url: string;
let app: FaultApp;
let client: DurableClient;
let on: ReturnType<typeof cliOn>;
let wordy: string;

beforeAll(async () => {
  ({ url } = await createTestDatabase({ breaksRows: true }));
  on = cliOn(url);
  app = await openApp({ database: { url }, logs: { console: false, maxEntries: 5_000, maxBytes: 1_000_000 } }, [
    WordyWorkflow,
    LoopWorkflow,
    BusyWorkflow,
  ]);
  ({ client } = app);
  const run = await client.start(WordyWorkflow, { text: LONG }, { tags: { words: LONG.slice(0, 200) } });
  wordy = run.id;
  await until(async () => (await run.execution())?.status === 'failed');
});

afterAll(() => app.close());

describe('a line that is wrapped', () => {
  it.each([7, 20, 41, 80])('takes %s columns at most, also of wide characters, and loses no word', (width) => {
    const lines = wrap(['  ', { text: LONG, tone: 'red' }], width, 4);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    const letters = (part: unknown): string => JSON.stringify(part).replace(/"(text|tone|red)"|[^\p{L}]/gu, '');
    expect(letters(lines)).toBe(letters(LONG));
    for (const line of lines.slice(1)) expect(widthOf(line)).toBeGreaterThan(0);
  });

  it('is broken between words, and stays as it is where it fits', () => {
    expect(wrap('one two three', 9)).toEqual([
      ['', 'one two'],
      ['', 'three'],
    ]);
    expect(wrap('one', 9)).toEqual(['one']);
    expect(widthOf(cut(LONG, 9))).toBeLessThanOrEqual(9);
  });
});

it.each([40, 60, 100])(
  'all that a terminal of %s columns is shown fits it, unless --wide is given',
  async (columns) => {
    const on100 = { columns, rows: 30, env: { NO_COLOR: '1' } };
    for (const argv of [
      ['inspect', wordy],
      ['inspect', wordy, '--context'],
      ['logs', wordy],
      ['doctor'],
      ['graph', 'wordy'],
    ]) {
      const { out } = await on(argv, on100);
      for (const line of out.split('\n'))
        expect([argv[0], line, widthOf(line) <= columns]).toEqual([argv[0], line, true]);
    }
    expect((await on(['inspect', wordy, '--wide'], on100)).out).toContain(LONG);
    expect((await on(['inspect', wordy])).out).toContain(LONG);
  },
);

it.each([50, 60, 80])('counts of failures fit %s columns', async (columns) => {
  const { out } = await on(['list', '--group'], { columns, env: { NO_COLOR: '1' } });
  expect(out).toContain(wordy.slice(0, 18));
  expect(Math.max(...out.split('\n').map(widthOf))).toBeLessThanOrEqual(columns);
});

it('what workers do, why schedules fail, and that they do in the status, fits the terminal', async () => {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const error = JSON.stringify({ name: 'Error', message: LONG });
  await pool.query(
    'UPDATE durable.scheduled_workflows SET consecutive_failures = 1, last_error = $1, last_error_at = now()',
    [error],
  );
  await pool.end();
  const run = await client.start(BusyWorkflow, {});
  await gates.arrived('busy');
  const narrow = { columns: 60, env: { NO_COLOR: '1' } };
  await until(async () => (await on(['workers'], narrow)).out.includes('Running now'));
  for (const argv of [['workers'], ['schedules'], ['status']]) {
    const { out } = await on(argv, narrow);
    expect(Math.max(...out.split('\n').map(widthOf))).toBeLessThanOrEqual(60);
  }
  expect((await on(['schedules'])).out).toContain(LONG);
  gates.openAll();
  await run.result();
});

it('--follow keeps the head of a report on the terminal, and prints all of it at the end', async () => {
  const run = await client.start(LoopWorkflow, { lines: 3 });
  await until(async () => (await run.execution())?.status === 'waiting');
  await run.sendEvent('begin');
  await until(async () => (await client.listPendingEvents({ eventName: 'end' })).length === 1);
  let drawn = '';
  const following = on(['inspect', run.id, '--follow'], {
    columns: 80,
    rows: 20,
    env: { NO_COLOR: '1' },
    onWrite: (out) => (drawn = out),
  });
  await until(() => drawn.includes('\x1b[J'));
  const first = (drawn.split('\x1b[J')[0] ?? '').replaceAll('\x1b[K', '').split('\n');
  expect(first.length).toBeLessThanOrEqual(20);
  expect(first[0]).toContain('Waits for the event');
  expect(first.join('\n')).toMatch(/status +◷ waiting[^]*Steps\n {2}… \d+ lines before\n[^]*end/);
  expect(first.join('\n')).not.toContain('s1');
  await run.sendEvent('end');
  const last = (await following).out.split('\x1b[J').at(-1) ?? '';
  expect(last).toMatch(/Completed[^]*status +✓ completed[^]*s1[^]*s8[^]*Last log lines[^]*line 3\n$/);
});

it('a log is read page by page, and inspect reads the end of it', async () => {
  const run = await client.start(LoopWorkflow, { lines: 2_500 });
  await until(async () => (await run.execution())?.status === 'waiting');
  await run.sendEvent('begin');
  await until(async () => (await client.listPendingEvents({ eventName: 'end' })).length === 1);
  const whole = jest.spyOn(DurableClient.prototype, 'getLogs');
  let told = '';
  const following = on(['logs', run.id, '--follow'], { onWrite: (out) => (told = out) });
  await until(() => told.includes('line 2500'));
  await run.sendEvent('end');
  const lines = (text: string): number[] => [...text.matchAll(/ line (\d+)$/gm)].map(([, n]) => Number(n));
  const all = Array.from({ length: 2_500 }, (_, at) => at + 1);
  expect(lines((await following).out)).toEqual(all);
  expect(lines((await on(['logs', run.id])).out)).toEqual(all);
  const document = json<{ message: string }[]>(await on(['logs', run.id, '--json', '--step', 'talk']));
  expect(document.map(({ message }) => message)).toEqual(all.map((n) => `line ${n}`));
  expect(document[0]).not.toHaveProperty('seq');
  expect(json(await on(['logs', run.id, '--json', '--step', 'begin']))).toEqual([]);
  const { logs } = json<{ logs: { message: string }[] }>(await on(['inspect', run.id, '--json']));
  expect(logs.map(({ message }) => message)).toEqual(all.slice(-8).map((n) => `line ${n}`));
  expect(whole).not.toHaveBeenCalled();
  whole.mockRestore();
  expect(await on(['logs', '00000000-0000-4000-8000-000000000000'])).toMatchObject({ code: 1, out: '' });
});

it('a table fits a narrow terminal with exact times too, and each id that it shows names one run', async () => {
  // Started in one moment: their ids begin alike.
  const runs = await client.startMany(
    LoopWorkflow,
    Array.from({ length: 60 }, () => ({ input: { lines: 0 } })),
  );
  await until(async () => (await client.listPendingEvents({ limit: 100 })).length >= runs.length);
  const ids = runs.map(({ id }) => id);
  expect(new Set(ids.map((id) => id.slice(0, 18))).size).toBeLessThan(ids.length);
  for (const [columns, ...argv] of [
    [60, 'list', '--workflow', 'loop'],
    [60, 'list', '--workflow', 'loop', '--utc'],
    [80, 'list', '--utc'],
    [60, 'pending', '--events'],
    [60, 'pending', '--events', '--utc'],
    [60, 'schedules', '--utc'],
    [60, 'workers', '--utc'],
  ] as const) {
    const { out } = await on(argv, { columns, env: { NO_COLOR: '1' } });
    expect([argv, Math.max(...out.split('\n').map(widthOf)) <= columns]).toEqual([argv, true]);
    for (const [shown] of out.matchAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]+/g))
      expect([shown, ids.filter((id) => id.startsWith(shown)).length <= 1]).toEqual([shown, true]);
  }
  const [, shown = ''] = /([0-9a-f]{8}-\S+)/.exec((await on(['list'], { columns: 60 })).out) ?? [];
  expect(json(await on(['inspect', shown, '--json']))).toMatchObject({ id: ids.at(-1) });
  await Promise.all(runs.map((run) => run.cancel()));
});
