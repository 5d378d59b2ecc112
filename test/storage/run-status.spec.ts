import { EXECUTION_STATUSES, type ExecutionStatus, type QueueFacts, STATUS_TABLE } from '../../lib/core/run/status.js';
import { Rows } from './rows.js';

const STATES = ['ready', 'blocked', 'sleeping', 'running'] as const;
const EITHER = [false, true];

/** Every row that the queue can have, as far as a status goes by it. */
const ALL: QueueFacts[] = STATES.flatMap((state) =>
  EITHER.flatMap((paused) =>
    EITHER.flatMap((compensating) => EITHER.map((begun) => ({ state, paused, compensating, begun }))),
  ),
);

let rows: Rows;

beforeAll(async () => {
  rows = await Rows.open();
});

afterAll(() => rows.close());

/** The statuses that the table gives a row. */
function told(facts: QueueFacts): ExecutionStatus[] {
  return EXECUTION_STATUSES.filter((status) =>
    STATUS_TABLE[status].row?.some((some) =>
      Object.entries(some).every(([key, value]) => [value].flat().includes(facts[key as keyof QueueFacts])),
    ),
  );
}

it('each row of the queue is in one status by the table, and the database derives the same', async () => {
  const { rows: derived } = await rows.pool.query<{ status: string }>(
    `SELECT durable.run_status('active', f.state, f.paused, f.compensating, CASE WHEN f.begun THEN now() END) AS status
     FROM ROWS FROM (json_to_recordset($1::json) AS (state text, paused boolean, compensating boolean, begun boolean))
       WITH ORDINALITY AS f ORDER BY ordinality`,
    [JSON.stringify(ALL)],
  );
  expect(ALL).toHaveLength(32);
  expect(ALL.map((facts) => [facts, told(facts)])).toEqual(ALL.map((facts, at) => [facts, [derived[at]?.status]]));
});

it('a finished run has no row, and the status that is stored', async () => {
  const finished = EXECUTION_STATUSES.filter((status) => STATUS_TABLE[status].row === null);
  const { rows: derived } = await rows.pool.query<{ status: string }>(
    'SELECT durable.run_status(s, NULL, NULL, NULL, NULL) AS status FROM unnest($1::text[]) WITH ORDINALITY AS u(s, at) ORDER BY at',
    [finished],
  );
  expect(derived.map(({ status }) => status)).toEqual(finished);
});
