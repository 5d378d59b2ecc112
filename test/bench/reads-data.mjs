import pg from 'pg';
import { query } from './server.mjs';

/** Workflows that the runs are spread over; further ones have one large run each. */
export const WORKFLOWS = Array.from({ length: 20 }, (_, n) => `order_${String(n).padStart(2, '0')}`);
export const SCHEDULES = WORKFLOWS.slice(0, 5).map((name) => `nightly_${name}`);
const PAGE = 50_000;
const DAYS = 30;
/** Items of the large loop, attempts of the long run, children of the parent. */
export const ITEMS = 10_000;
export const STEPS = 5_000;
const CHILDREN = 5_000;

/** The ids that `fill` gives: of this call, or of an earlier one with this database. */
export async function filled(url, count) {
  await query(url, 'CREATE TABLE IF NOT EXISTS bench_reads (runs integer PRIMARY KEY, ids json NOT NULL)');
  const [kept] = await query(url, 'SELECT runs, ids FROM bench_reads');
  if (kept) {
    if (kept.runs !== count)
      throw new Error(`The folder of --data has ${kept.runs} runs: --runs=${kept.runs}, or another folder`);
    return kept.ids;
  }
  const begun = performance.now();
  const ids = await fill(url, count);
  await query(url, 'INSERT INTO bench_reads VALUES ($1, $2)', [count, JSON.stringify(ids)]);
  console.error(`${count} runs written in ${Math.round((performance.now() - begun) / 1_000)} s`);
  return ids;
}

/**
 * Fills a database as a month of `count` runs leaves it: 4 % failed by five errors, some cancelled or undone; a
 * tenth with tags that few share, three tenths with one that all these have, some started by schedules or as retries; and beside them runs that wait for events and people, sleep, are
 * tried again, or stand in a queue that nobody works on. Gives the ids of some of each kind.
 */
async function fill(url, count) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET synchronous_commit = off');
    await client.query(`SET maintenance_work_mem = '256MB'`);
    for (let done = 0; done < count; done += PAGE) {
      await client.query(HISTORY, [done, Math.min(count, done + PAGE) - 1, count]);
    }
    await client.query(UNFINISHED, [Math.max(200, Math.round(count / 50))]);
    await client.query(ASKED);
    await client.query(REFUSED, [Math.round(count / 50)]);
    const ids = {};
    for (const [name, text] of Object.entries(LARGE)) {
      const { rows } = await client.query(text, [
        { loop: ITEMS, long: STEPS, parent: CHILDREN, talked: 2_000, undone: 2_000 }[name],
      ]);
      ids[name] = [rows[0].id];
    }
    await client.query(STATS);
    await client.query(AUDIT, [Math.max(1_000, Math.round(count / 20))]);
    await client.query('VACUUM ANALYZE');
    // Or the server writes a gigabyte back to the disk while it is measured.
    await client.query('CHECKPOINT');
    for (const [name, where] of Object.entries(SOME)) {
      const { rows } = await client.query(`SELECT id FROM durable.workflow_executions ${where} LIMIT 50`);
      ids[name] = rows.map(({ id }) => id);
    }
    return ids;
  } finally {
    await client.end();
  }
}

/** `$1` to `$2` of `$3` runs, evenly over the days. */
const HISTORY = `
  WITH run AS (
    INSERT INTO durable.workflow_executions (
      id, created_at, updated_at, started_at, completed_at, definition_id, priority, workflow, queue, status, data_seq, input,
      error, failed_step, tags, schedule_name, schedule_time)
    SELECT uuidv7(t.at - clock_timestamp()), t.at, t.at, t.at + interval '20 ms', t.at + interval '20 ms' + n % 977 * interval '37 ms', d.id, 0, d.name,
      CASE n % 5 WHEN 0 THEN 'ai' WHEN 1 THEN 'mail' ELSE 'default' END, s.status, CASE s.status WHEN 'completed' THEN 1 ELSE 0 END, '{"n":' || n || '}',
      CASE WHEN s.status <> 'completed' THEN '{"name":"' || (ARRAY['PaymentGatewayError', 'TimeoutError', 'CardError', 'Error', 'AddressError'])[1 + n % 5]
        || '","message":"request ' || n || ' was refused"}' END,
      CASE WHEN s.status <> 'completed' THEN 'a' END,
      CASE WHEN n % 10 = 0 THEN jsonb_build_object('tenant', 't' || n / 10 % 500) WHEN n % 10 < 4 THEN '{"tenant":"acme"}' END,
      CASE WHEN n % 50 = 1 THEN 'nightly_order_' || lpad((n / 50 % 5)::text, 2, '0') END,
      CASE WHEN n % 50 = 1 THEN t.at END
    FROM generate_series($1::integer, $2::integer) n
    CROSS JOIN LATERAL (SELECT now() - interval '${DAYS} days' * (1 - n::float8 / $3::integer) AS at) t
    CROSS JOIN LATERAL (SELECT CASE WHEN n % 25 = 3 THEN 'failed' WHEN n % 97 = 0 THEN 'cancelled' WHEN n % 211 = 0 THEN 'compensated' ELSE 'completed' END AS status) s
    JOIN durable.workflow_definitions d ON d.name = 'order_' || lpad((n / 7 % 20)::text, 2, '0')
    RETURNING id, status, error, completed_at, failed_step
  )
  INSERT INTO durable.step_executions (
    run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output, error, logs)
  SELECT r.id, 1, 0, r.completed_at, 1, 1, 1, 1, 12, 'step', CASE WHEN r.status = 'completed' THEN 'completed' ELSE 'failed' END,
    COALESCE(r.failed_step, 'a'), CASE WHEN r.status = 'completed' THEN '{"n":1}' END, r.error,
    NULL
  FROM run r`;

/** `$1` runs that have not ended, of eight kinds. */
const UNFINISHED = `
  WITH run AS (
    INSERT INTO durable.workflow_executions (
      id, created_at, updated_at, started_at, definition_id, priority, workflow, queue, status, input, snapshot)
    SELECT uuidv7(t.at - clock_timestamp()), t.at, t.at, CASE WHEN n % 8 < 6 THEN t.at END, d.id, 0, d.name,
      CASE WHEN n % 8 = 7 THEN 'nobody' ELSE 'default' END, 'active', '{"n":' || n || '}',
      CASE WHEN n % 8 = 5 THEN json_build_object('round', 1, 'rollback', NULL, 'root', json_build_object('node', 'a', 'failedBy', NULL,
        'step', json_build_object('kind', 'step', 'visit', 1, 'attempt', 2, 'fan', NULL, 'retryAt', (extract(epoch FROM now()) * 1000)::bigint + 86400000)))::text END
    FROM generate_series(1, $1::integer) n
    CROSS JOIN LATERAL (SELECT now() - n % 5000 * interval '1 minute' AS at) t
    JOIN durable.workflow_definitions d ON d.name = 'order_' || lpad((n % 20)::text, 2, '0')
    RETURNING id, created_at, started_at, definition_id, queue, snapshot
  ), kind AS (
    SELECT r.*, row_number() OVER (ORDER BY r.id) AS n FROM run r
  ), record AS (
    INSERT INTO durable.step_executions (
      run_id, seq, input_seq, completed_at, retry_at, token, round, visit, attempt, duration_ms, type, status, path, error)
    SELECT k.id, 1, 0, now(), now() + interval '1 day', 1, 1, 1, 1, 12, 'step', 'failed', 'a', '{"name":"BusyError","message":"busy"}'
    FROM kind k WHERE k.snapshot IS NOT NULL
  )
  INSERT INTO durable.workflow_queue (id, created_at, due_at, started_at, definition_id, priority, state, queue, because, paused)
  SELECT k.id, k.created_at,
    CASE WHEN k.snapshot IS NOT NULL OR k.started_at IS NULL AND k.queue <> 'nobody' THEN now() + interval '1 day'
      WHEN k.queue = 'nobody' THEN k.created_at ELSE 'infinity' END,
    k.started_at, k.definition_id, 0, CASE WHEN k.queue = 'nobody' THEN 'ready' ELSE 'sleeping' END, k.queue,
    CASE WHEN k.snapshot IS NOT NULL THEN 'retry' WHEN k.started_at IS NOT NULL THEN 'wait' END, k.n % 100 = 0 AND k.queue <> 'nobody'
  FROM kind k`;

/** `$1` runs of a workflow of which none completed but the one with the large loop. */
const REFUSED = `
  INSERT INTO durable.workflow_executions (
    id, created_at, updated_at, started_at, completed_at, definition_id, priority, workflow, queue, input, status, error)
  SELECT uuidv7(t.at - clock_timestamp()), t.at, t.at, t.at, t.at, d.id, 0, d.name, 'default', '{}', 'cancelled',
    '{"name":"Error","message":"stopped"}'
  FROM generate_series(1, $1::integer) n
  CROSS JOIN LATERAL (SELECT now() - n * interval '1 minute' AS at) t
  JOIN durable.workflow_definitions d ON d.name = 'mailing'`;

/** What the suspended ones wait for: half of them for events, half for people. */
const ASKED = `
  INSERT INTO durable.waits (run_id, id, created_at, due_at, input_seq, round, visit, attempt, kind, type, path, key, names, spec)
  SELECT q.id, uuidv7(q.created_at - clock_timestamp()), q.created_at, now() + k.n % 10000 * interval '1 minute' + interval '1 day', 0, 1, 1, 1,
    CASE WHEN k.n % 2 = 0 THEN 'event' ELSE 'input' END, 'step', 'b', 'x:' || k.n, ARRAY['asked_' || k.n % 7],
    CASE WHEN k.n % 2 = 1 THEN '{"type":"approval","prompt":"May it?"}' ELSE '{}' END
  FROM durable.workflow_queue q
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM durable.workflow_queue WHERE because = 'wait') k ON k.id = q.id`;

const run = (workflow, columns = '', values = '') => `
    INSERT INTO durable.workflow_executions (
      id, created_at, updated_at, started_at, definition_id, priority, workflow, queue, input, status, completed_at${columns})
    SELECT uuidv7(), now(), now(), now() - interval '1 hour', d.id, 0, d.name, 'default', '{}'${values}
    FROM durable.workflow_definitions d WHERE d.name = '${workflow}' LIMIT 1
    RETURNING id`;
const COMPLETED = `, 'completed', now()`;
const records = (type, path, visit, facts, from = 2) => `
    INSERT INTO durable.step_executions (
      run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, facts, output, logs)
    SELECT r.id, n + ${from} - 1, 0, now() - interval '1 hour' + n * interval '100 ms', 1, 1, ${visit}, 1, 12, '${type}', 'completed',
      ${path}, ${facts}, '{"n":1}',
      CASE WHEN n % 5 = 0 THEN (extract(epoch FROM now()) * 1000)::bigint || ' {"l":"log","m":"line ' || n || '"}' END
    FROM run r, generate_series(1, $1::integer) n`;
/** A decision that comes back to itself, so many times. */
const turns = records('decision', `'turn'`, 'n', `CASE WHEN n < $1::integer THEN '{"goto":"turn"}' END`, 1);

/** A loop of many items, one of many attempts, one with many children, one with much history, one that was undone. */
const LARGE = {
  loop: `
    WITH run AS (${run('mailing', '', COMPLETED)}), selector AS (
      INSERT INTO durable.step_executions (
        run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output, facts)
      SELECT r.id, 1, 0, now() - interval '1 hour', 1, 1, 1, 1, 12, 'forEach', 'completed', 'recipients', '[]', '{"items":' || $1::integer || '}'
      FROM run r
    ), item AS (${records('step', `'recipients[' || n - 1 || ']/send'`, '1', 'NULL')}), gathered AS (
      INSERT INTO durable.step_executions (
        run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, output)
      SELECT r.id, $1::integer + 2, 0, now(), 1, 1, 1, 1, 0, 'gather', 'completed', 'recipients', '[]'
      FROM run r
    )
    SELECT id FROM run`,
  long: `
    WITH run AS (${run('turning', '', COMPLETED)}), record AS (${turns})
    SELECT id FROM run`,
  parent: `
    WITH run AS (${run('order_00', '', COMPLETED)}), children AS (
      INSERT INTO durable.workflow_executions (
        id, created_at, updated_at, started_at, completed_at, definition_id, priority, workflow, queue, status, input, parent_id)
      SELECT uuidv7(), now(), now(), now(), now(), d.id, 0, d.name, 'default', 'completed', '{}', r.id
      FROM run r, generate_series(1, $1::integer) n, durable.workflow_definitions d WHERE d.name = 'order_01'
    )
    SELECT id FROM run`,
  talked: `
    WITH run AS (${run('turning', '', COMPLETED)}), record AS (${turns}), event AS (
      INSERT INTO durable.events (run_id, sent_at, name, payload)
      SELECT r.id, now() - n * interval '1 second', 'paid', '{"n":1}' FROM run r, generate_series(1, $1::integer) n
    ), act AS (
      INSERT INTO durable.audit (id, at, actor, action, target_kind, target_id, outcome, details)
      SELECT uuidv7(), now(), 'ada', 'run.pause', 'run', r.id::text, 'done', '{"reason":"look"}' FROM run r, generate_series(1, $1::integer) n
    )
    SELECT id FROM run`,
  undone: `
    WITH run AS (${run('turning', ', error, failed_step', `, 'compensated', now(), '{"name":"CardError","message":"declined"}', 'last'`)}),
      record AS (${turns}), failure AS (
        INSERT INTO durable.step_executions (
          run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, error)
        SELECT r.id, $1::integer + 1, 0, now(), 1, 1, 1, 1, 12, 'step', 'failed', 'last', '{"name":"CardError","message":"declined"}' FROM run r
      )
    SELECT id FROM run`,
};

/** A month in the coarse grain, eight days in the middle one, a day in minutes: of each workflow and outcome. */
const STATS = `
  INSERT INTO durable.run_stats (grain, at, workflow, outcome, error, n, ms, buckets, counts, delay_buckets, delay_counts)
  SELECT g.grain, t.at, w.name, o.outcome, o.error, 9, 9000, '{24,28,32,36,40,44}', '{1,2,3,1,1,1}', '{4,8,12}', '{5,3,1}'
  FROM (VALUES (1, interval '26 hours'), (15, interval '8 days'), (120, interval '${DAYS} days')) AS g(grain, span)
  CROSS JOIN LATERAL generate_series(
    date_bin(g.grain * interval '1 minute', now() - g.span, '2000-01-01'), now(), g.grain * interval '1 minute') AS t(at)
  CROSS JOIN (SELECT DISTINCT name FROM durable.workflow_definitions WHERE name LIKE 'order%' UNION SELECT '') w
  CROSS JOIN (VALUES ('completed', ''), ('failed', 'CardError'), ('failed', 'TimeoutError')) AS o(outcome, error)
  ON CONFLICT DO NOTHING`;

const AUDIT = `
  INSERT INTO durable.audit (id, at, actor, action, target_kind, target_id, outcome)
  SELECT uuidv7(), now() - n * interval '30 seconds', 'person ' || n % 20, (ARRAY['run.cancel', 'run.retry', 'queue.pause'])[1 + n % 3],
    CASE n % 3 WHEN 2 THEN 'queue' ELSE 'run' END, CASE n % 3 WHEN 2 THEN 'mail' ELSE gen_random_uuid()::text END, 'done'
  FROM generate_series(1, $1::integer) n`;

const SOME = {
  completed: `WHERE status = 'completed' AND workflow = 'order_03' ORDER BY created_at DESC`,
  failed: `WHERE error IS NOT NULL AND status = 'failed' ORDER BY created_at DESC`,
  waiting: `WHERE id IN (SELECT run_id FROM durable.waits WHERE state = 'open' ORDER BY id DESC LIMIT 50)`,
  middle: `WHERE workflow = 'order_03' AND created_at < now() - interval '14 days' ORDER BY created_at DESC`,
};
