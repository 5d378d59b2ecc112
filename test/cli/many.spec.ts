import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Rows } from '../storage/rows.js';

const RUNS = 100_000;
const loader = fileURLToPath(new URL('../support/register-ts.mjs', import.meta.url));
const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));

/** Lists in a process whose heap could not hold the runs; reads slowly, so that what is not taken piles up where it is made. */
async function list(
  url: string,
  argv: readonly string[],
  heap: number,
): Promise<{ code: number; lines: number; bytes: number }> {
  const child = spawn(process.execPath, [`--max-old-space-size=${heap}`, '--import', loader, main, 'list', ...argv], {
    env: { ...process.env, DATABASE_URL: url, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let [lines, bytes] = [0, 0];
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    for (const byte of chunk) if (byte === 10) lines++;
  }
  const [code] = child.exitCode === null ? ((await once(child, 'exit')) as [number]) : [child.exitCode];
  return { code, lines, bytes };
}

it('100 000 runs are listed in the memory of one page, as a table and as one document', async () => {
  const rows = await Rows.open();
  const { url } = rows;
  await rows.pool.query(
    `INSERT INTO durable.workflow_executions
       (id, created_at, updated_at, started_at, completed_at, data_seq, definition_id, end_token, status, priority, workflow, queue, input)
     SELECT gen_random_uuid(), t, t, t, t, 1, $1, 1, 'completed', 0, 'order', 'default', '{}'
     FROM (SELECT now() - i * interval '1 s' AS t FROM generate_series(1, ${RUNS}) i) AS times`,
    [rows.definitionId],
  );
  await rows.pool.query('ANALYZE durable.workflow_executions');
  await rows.close();
  const table = await list(url, ['--limit', String(RUNS)], 64);
  expect(table).toMatchObject({ code: 0, lines: RUNS + 1 });
  const document = await list(url, ['--limit', String(RUNS), '--json'], 64);
  expect(document).toMatchObject({ code: 0, lines: RUNS });
  // Far more than the process may keep.
  expect(document.bytes).toBeGreaterThan(40_000_000);
});
