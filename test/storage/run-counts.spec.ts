import { logText } from '../../lib/core/run/log-entry.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { PgPeopleReads } from '../../lib/storage/reads/people-reads.js';
import { sql } from '../../lib/storage/sql.js';
import { Rows } from './rows.js';

let rows: Rows;

beforeAll(async () => {
  rows = await Rows.open();
});
afterAll(() => rows.close());

const line = (message: string) => ({ time: 1_000, line: JSON.stringify({ l: 'log', m: message }) });

it('the number of lines is that of lines, without the rows that say how many were dropped', async () => {
  const id = await rows.run();
  const [one, two] = [line('+1'), line('a\n+2')];
  const logs = [
    logText([one], 0),
    logText([one, two], 12),
    logText([], 3),
    // An attempt that waited between.
    `${logText([one, two], 4)}\n${logText([two], 5)}`,
    `${logText([], 4)}\n${logText([], 5)}\n${logText([two], 0)}`,
    null,
  ];
  for (const [n, text] of logs.entries()) await rows.record(id, n + 1, { logs: text });
  const reads = new PgPeopleReads(queryOf(rows.pool), 'durable', NO_REDACTION);
  expect(await reads.counts(id)).toEqual({ steps: { n: 6, more: false }, logs: { n: 7, more: false } });
});

it.each([
  ['all of them', 100, 100, { lines: 4, more_lines: false }],
  ['exactly all of them', 4, 8, { lines: 4, more_lines: false }],
  ['too few records with lines', 2, 100, { lines: 3, more_lines: true }],
  ['too few records, the last of them', 100, 3, { lines: 1, more_lines: true }],
])('%s are looked at', async (_, mostLogged, mostLookedAt, expected) => {
  const id = await rows.run();
  // The last record has no lines.
  for (let n = 1; n <= 8; n++) await rows.record(id, n, { logs: n % 2 === 1 ? logText([line('x')], 0) : null });
  const { rows: found } = await rows.pool.query(sql('run-counts', 'durable'), [id, 100, mostLogged, mostLookedAt]);
  expect(found).toEqual([{ attempts: 8, ...expected }]);
});
