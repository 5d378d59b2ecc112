import { Rows } from '../storage/rows.js';
import { cliOn, json, type Ran } from './support.js';

/** What no index has is looked for among so many runs; then a command says how far it has looked, and how to go on. */

const MOST = 10_000;
const RUNS = MOST + 50;

let rows: Rows;
let parent: string;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  rows = await Rows.open();
  on = cliOn(rows.url);
  parent = await rows.run({ status: 'completed', completed_at: new Date() });
  await rows.pool.query(
    `INSERT INTO durable.workflow_executions
       (id, created_at, updated_at, started_at, completed_at, data_seq, definition_id, end_token, status, priority, workflow, queue, input,
        parent_id, error)
     SELECT gen_random_uuid(), t, t, t, t, 0, $1, 1, 'failed', 0, 'order', 'default', '{}', $2,
       json_build_object('name', e, 'message', 'refused')
     FROM (
       SELECT now() - i * interval '1 s' AS t, CASE i WHEN 1 THEN 'NewestError' WHEN ${RUNS} THEN 'OldestError' ELSE 'UsualError' END AS e
       FROM generate_series(1, ${RUNS}) i
     ) AS runs`,
    [rows.definitionId, parent],
  );
  await rows.pool.query('ANALYZE durable.workflow_executions');
});
afterAll(() => rows.close());

const untilOf = (text: string): string => /--until (\S+Z)/.exec(text)?.[1] ?? '';

it('list --error ends after so many, and the --until that it names goes on', async () => {
  const first = await on(['list', '--error', 'oldesterror', '--json']);
  expect(first).toMatchObject({ code: 0, out: '[]\n' });
  expect(first.err).toMatch(/^Looked at the newest 10000 that the other filters fit; go on with --until \S+Z\.\n$/);
  const next = await on(['list', '--error', 'oldesterror', '--until', untilOf(first.err), '--json']);
  expect(json(next)).toMatchObject([{ error: { name: 'OldestError' } }]);
  expect(next.err).toBe('');
  const enough = await on(['list', '--error', 'UsualError', '--limit', '3', '--json']);
  expect([json<object[]>(enough).length, enough.err]).toEqual([3, '']);
});

it('where there are just so many as are looked at, nothing is said of going on', async () => {
  expect((await on(['list', '--group', '--limit', String(RUNS), '--json'])).err).toBe('');
  const { rows: found } = await rows.pool.query<{ at: Date }>(
    `SELECT date_trunc('ms', created_at) AS at FROM durable.workflow_executions WHERE status = 'failed'
     ORDER BY created_at DESC OFFSET ${MOST - 1} LIMIT 1`,
  );
  const since = ['--since', found[0]?.at.toISOString() ?? ''];
  expect((await on(['list', '--group', ...since, '--json'])).err).toBe('');
  expect(await on(['list', '--error', 'oldesterror', ...since, '--json'])).toEqual({ code: 0, out: '[]\n', err: '' });
});

it('list --group ends after so many, and the --until that it names goes on', async () => {
  const errorsOf = (ended: Ran): string[] => json<{ error: string }[]>(ended).map(({ error }) => error);
  const first = await on(['list', '--group', '--json']);
  expect(errorsOf(first)).toEqual(['UsualError', 'NewestError']);
  expect(first.err).toMatch(/^Of the newest 10000 failures; go on with --until \S+Z, or with a higher --limit\.\n$/);
  const rest = await on(['list', '--group', '--until', untilOf(first.err), '--json']);
  expect([errorsOf(rest), rest.err]).toEqual([['UsualError', 'OldestError'], '']);
});

it('a dry run and the question before a bulk act look at so many, the act at all', async () => {
  const retry = ['retry', '--error', 'NewestError'];
  const dry = await on([...retry, '--dry-run', '--json']);
  expect(json(dry)).toEqual({ count: 0, refused: [], more: true, dryRun: true });
  expect(dry.err).toContain('Of the oldest 10000 runs that the filters fit');
  expect((await on(['retry', '--error', 'OldestError', '--dry-run'])).out).toBe('Would retry 1 or more runs.\n');
  const refused = await on(retry, { columns: 80, typed: 'n\n' });
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Retry 0 or more runs?') });
  expect(json(await on([...retry, '--yes', '--json']))).toEqual({ count: 1, refused: [] });
  const again = json<{ count: number; refused: object[] }>(await on([...retry, '--yes', '--json']));
  expect(again).toMatchObject({ count: 0, refused: [{ code: 'UNCHANGED' }] });
});

it('inspect counts so many children', async () => {
  expect(json(await on(['inspect', parent, '--json']))).toMatchObject({ children: { n: MOST, more: true } });
  expect((await on(['inspect', parent])).out).toContain(`10000+: nest-durable list --parent ${parent}`);
});

it('list goes through all runs, so many at a time, to those that no index leads to', async () => {
  const DAY = 86_400_000;
  const found: string[] = [];
  for (const days of [1, 2]) {
    const at = new Date(Date.now() - days * DAY);
    found.push(await rows.run({ status: 'completed', created_at: at, completed_at: at, parent_id: parent }));
  }
  const list = async (...options: string[]) =>
    json<{ id: string }[]>(await on(['list', '--status', 'completed', '--json', ...options])).map(({ id }) => id);
  expect(await list('--parent', parent)).toEqual(found);
  expect(await list('--until', '12h', '--limit', '1')).toEqual(found.slice(0, 1));
  expect(await list('--workflow', 'order')).toEqual([parent, ...found]);
});
