import { randomUUID } from 'node:crypto';
import pg from 'pg';

const SCHEMA = `
  CREATE TABLE executions (
    id uuid PRIMARY KEY, workflow text NOT NULL, status text NOT NULL, input json NOT NULL, data json,
    created_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz
  );
  CREATE TABLE queue (
    id uuid PRIMARY KEY, queue text NOT NULL, priority int NOT NULL DEFAULT 0, due_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX ON queue (queue, priority, due_at, id);
  CREATE TABLE journal (
    execution_id uuid NOT NULL, path text NOT NULL, visit int NOT NULL, attempt int NOT NULL, output json NOT NULL,
    completed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (execution_id, path, visit, attempt)
  )`;

// One statement writes a list of any length, so both variants send the same SQL and differ only in the size of the list.
const BEGIN = `
  WITH run AS (SELECT * FROM unnest($1::uuid[], $2::text[]) AS r (id, input)),
  queued AS (INSERT INTO queue (id, queue) SELECT id, 'default' FROM run)
  INSERT INTO executions (id, workflow, status, input) SELECT id, 'bench', 'pending', input::json FROM run`;
const RECORD = `
  INSERT INTO journal (execution_id, path, visit, attempt, output)
  SELECT id, $3, 1, 1, output::json FROM unnest($1::uuid[], $2::text[]) AS r (id, output)`;
const END = `
  WITH run AS (SELECT * FROM unnest($1::uuid[], $2::text[]) AS r (id, data)),
  gone AS (DELETE FROM queue USING run WHERE queue.id = run.id)
  UPDATE executions SET status = 'completed', data = run.data::json, completed_at = now() FROM run WHERE executions.id = run.id`;

/**
 * The floor: what a run leaves in the database (input row, queue row, a journal row a step, the end), written by bare
 * `pg` with no engine, no claim, no lease. `batch` runs share a statement and its commit; `lanes` are in flight at once.
 *
 * `startsFirst`: the input and queue rows are there before the clock starts, as for the engines; else they are part of it.
 */
export async function create({ url, steps, onStep, batch, lanes, startsFirst }) {
  const pool = new pg.Pool({ connectionString: url, max: lanes });
  const groups = [];
  let finished = 0;
  let work = Promise.resolve();
  await pool.query(SCHEMA);

  const ids = (runs) => runs.map((run) => run.id);
  const data = (runs) => runs.map((run) => JSON.stringify(run.data));
  const begin = (runs) => pool.query(BEGIN, [ids(runs), data(runs)]);
  const execute = async (runs) => {
    for (let index = 0; index < steps; index += 1) {
      for (const run of runs) {
        onStep();
        run.data = { ...run.data, n: run.data.n + 1 };
      }
      await pool.query(RECORD, [ids(runs), data(runs), `step${index}`]);
    }
    await pool.query(END, [ids(runs), data(runs)]);
    finished += runs.length;
  };

  return {
    enqueue: async (inputs) => {
      for (let at = 0; at < inputs.length; at += batch) {
        groups.push(inputs.slice(at, at + batch).map((input) => ({ id: randomUUID(), data: input })));
      }
      if (startsFirst) for (const runs of groups) await begin(runs);
    },
    start: async () => {
      const pending = groups.splice(0).values();
      const lane = async () => {
        for (const runs of pending) {
          if (!startsFirst) await begin(runs);
          await execute(runs);
        }
      };
      work = Promise.all(Array.from({ length: lanes }, lane));
    },
    completed: async () => finished,
    stop: () => work,
    runs: {
      direct: async (input) => {
        const runs = [{ id: randomUUID(), data: input }];
        await begin(runs);
        await execute(runs);
      },
    },
    close: () => pool.end(),
  };
}
