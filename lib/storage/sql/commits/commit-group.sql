-- Commits a group in one round trip: finished attempts, ends, suspensions, starts (held at once where nothing comes before).
--
-- $1 integer: the worker
-- $2 json: operations, sorted by id: [{id, run, token, after, touches, records, status, undone, data_seq, error,
--   failed_step, drop_steps, park: {...} | null}]
-- $3 json: starts
-- $4 json: places for what the starts make ready, as far as it comes first: [{queue, places}]
-- $5 json: definitions that may be claimed for them, as in claim.sql
--
-- Returns (kind 'op', id, paused, watched, wake, cancel) for each operation taken, (kind 'ready', id, ...) for each that has
-- left its row claimable, and (kind 'leased', id, ...) for each start that the worker has leased; and (kind 'gap', id, ...)
-- for each operation that builds on a record (`after`) that is not there: a failover has lost it, and the journal must get
-- no gap.
--
-- What stands between `-- [part` and `-- part]` is left out where a group has nothing for it: a node of the plan costs its
-- share of each execution, whether a row comes by or not.
--
-- Never waits for a row: what somebody else has locked is left out, and goes into a later group. The fence is the join
-- on token and worker under the lock. Operations are carried along in `held` rather than joined again, so the cost does not
-- grow with the square of the group.
--
-- Rows are found by their ids, whatever the planner takes the tables for: small ones, or such as were empty when they were last
-- analysed, between two bursts, and it keeps the plan. So a join must leave it no choice (lease-plans.spec.ts looks):
-- LATERAL ... LIMIT 1 is done row by row; `= ANY (ARRAY[...])` and `= ANY (ARRAY(SELECT ...))` can be asked of an index only,
-- and not merged; and COALESCE keeps it from the index of all rows of the worker.
WITH me AS MATERIALIZED (
  -- A worker that has left, or was declared dead, commits nothing more: what it still held is somebody else's.
  SELECT FROM durable.workers w WHERE w.id = $1 AND w.dead_at IS NULL
), op AS MATERIALIZED (
  SELECT *
  FROM json_to_recordset($2::json) AS o(
    id uuid, run uuid, token integer, after bigint, touches boolean, records json, status text, undone boolean, data_seq bigint,
    error text, failed_step text, drop_steps boolean, park json)
  WHERE EXISTS (SELECT FROM me)
)
-- [operations
, plain AS MATERIALIZED (
  SELECT op.id, op.run, op.token, op.touches, op.records, op.data_seq, op.error, op.failed_step, op.drop_steps,
    op.park,
    -- A run that is to be cancelled and undone does not end in another way: its holder learns of it and begins to undo.
    CASE WHEN q.cancel AND NOT op.undone THEN NULL ELSE op.status END AS status,
    q.paused, q.watched, q.started_at, q.definition_id, q.deadline_at, q.wake, q.cancel,
    -- (No EXISTS: that may be planned as one scan of the whole table, for all operations.)
    (op.after IS NULL OR (
      SELECT s.seq FROM durable.step_executions s WHERE s.run_id = op.run AND s.seq = op.after LIMIT 1) IS NOT NULL) AS whole
  FROM op
  CROSS JOIN LATERAL (
    SELECT w.paused, w.watched, w.started_at, w.definition_id, w.deadline_at, w.wake, w.cancel IS NOT NULL AS cancel
    FROM durable.workflow_queue w
    WHERE w.id = op.id AND w.token = op.token AND COALESCE(w.worker_id, 0) = $1
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
  ) q
), held AS MATERIALIZED (
  -- An end or a suspension writes the row in history too: taken only where that row is free as well.
  SELECT plain.*
  FROM plain
  CROSS JOIN LATERAL (
    SELECT e.id FROM durable.workflow_executions e WHERE e.id = plain.run AND plain.touches AND plain.whole LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
  ) x
  UNION ALL
  SELECT plain.* FROM plain WHERE NOT plain.touches AND plain.whole
), journal AS (
  INSERT INTO durable.step_executions (
    run_id, seq, input_seq, completed_at, retry_at, token, round, visit, attempt, duration_ms, input_item, type, status,
    path, facts, output, error, logs)
  SELECT
    held.run, r.seq, r.input_seq, durable.clock(), durable.clock() + r.retry_ms * interval '1 ms', held.token, r.round,
    r.visit, r.attempt, r.duration_ms, r.input_item, r.type, r.status, r.path, r.facts, r.output, r.error,
    r.logs
  FROM held
  CROSS JOIN LATERAL json_to_recordset(held.records) AS r(
    seq bigint, input_seq bigint, retry_ms float8, round integer, visit integer, attempt integer, duration_ms integer,
    input_item integer, type text, status text, path text, facts text, output text, error text, logs text)
)
-- [ends
, gone AS (
  DELETE FROM durable.workflow_queue q
  WHERE q.id = ANY (ARRAY(SELECT held.id FROM held WHERE held.status IS NOT NULL))
), gone_steps AS (
  DELETE FROM durable.workflow_queue q
  WHERE q.step_of = ANY (ARRAY(SELECT held.id FROM held WHERE held.drop_steps))
), ended AS (
  UPDATE durable.workflow_executions x
  SET status = held.status, data_seq = held.data_seq, error = held.error, failed_step = held.failed_step, end_token = held.token,
    definition_id = held.definition_id, started_at = held.started_at, completed_at = durable.clock(),
    updated_at = durable.clock(), snapshot = NULL, snapshot_needs = NULL
  FROM held
  WHERE x.id = ANY (ARRAY[held.id]) AND held.status IS NOT NULL
)
-- ends]
-- [parks
, park AS MATERIALIZED (
  SELECT held.id, held.definition_id, held.started_at, held.paused, p.*
  FROM held
  CROSS JOIN LATERAL json_to_record(held.park) AS p(
    delay_ms float8, because text, pause boolean, holds boolean, snapshot text, snapshot_seq bigint, data_seq bigint,
    needs bigint[], round integer, error text, heard bigint, as_it_was boolean)
  WHERE held.park IS NOT NULL
), parked AS (
  -- A wake mark set meanwhile leaves the row claimable; the row's newest version is read here, under the lock.
  UPDATE durable.workflow_queue q
  SET state = CASE WHEN q.wake OR q.cancel IS NOT NULL OR park.delay_ms <= 0 THEN 'ready' ELSE 'sleeping' END,
    due_at = CASE
      WHEN q.wake OR q.cancel IS NOT NULL OR park.delay_ms <= 0 THEN durable.clock()
      ELSE COALESCE(durable.clock() + park.delay_ms * interval '1 ms', 'infinity') END,
    because = park.because, worker_id = NULL, wake = false, recoveries = 0, heard = GREATEST(q.heard, park.heard),
    ran_by = CASE WHEN park.as_it_was THEN q.ran_by END,
    paused = park.holds OR (q.cancel IS NULL AND (q.paused OR park.pause))
  FROM park
  WHERE q.id = ANY (ARRAY[park.id])
  RETURNING q.id, q.state = 'ready' AND NOT q.paused AS ready
), remembered AS (
  UPDATE durable.workflow_executions x
  SET snapshot = park.snapshot, snapshot_seq = park.snapshot_seq, snapshot_needs = park.needs, data_seq = COALESCE(park.data_seq, x.data_seq),
    round = park.round,
    -- A step on another queue may have paused it meanwhile, and said why.
    error = COALESCE(park.error, CASE WHEN park.paused THEN x.error END), definition_id = park.definition_id, started_at = park.started_at,
    updated_at = durable.clock()
  FROM park
  WHERE x.id = ANY (ARRAY[park.id])
)
-- parks]
-- operations]
-- [starts
, fresh AS MATERIALIZED (
  SELECT s.*, COALESCE(s.scheduled_at, CASE WHEN s.delay_ms > 0 THEN durable.clock() + s.delay_ms * interval '1 ms' END) AS due
  FROM json_to_recordset($3::json) AS s(
    id uuid, workflow text, definition_id integer, queue text, priority integer, tags jsonb, delay_ms float8,
    scheduled_at timestamptz, retry_of uuid, parent_id uuid, input text, traceparent text)
), vacant AS MATERIALIZED (
  -- Queues that may be entered, in which nothing is ready: what is started comes first there, and is leased as it is written.
  -- Where something is ready, it comes first, and the start is ready too: a claim takes them in their order.
  SELECT p.queue, p.places
  FROM json_to_recordset($4::json) AS p(queue text, places integer)
  WHERE NOT EXISTS (
    SELECT FROM json_to_recordset($5::json) AS d(id integer)
    CROSS JOIN LATERAL (
      SELECT FROM durable.workflow_queue q
      WHERE q.queue = p.queue AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused
      LIMIT 1
    ) ready)
    AND durable.enter_queue(p.queue, $1, false)
), taken AS MATERIALIZED (
  SELECT s.id, s.run_as, s.timeout
  FROM vacant
  CROSS JOIN LATERAL (
    SELECT fresh.id, d.run_as, d.timeout
    FROM fresh
    JOIN json_to_recordset($5::json) AS d(id integer, run_as integer, timeout float8) ON d.id = fresh.definition_id
    WHERE fresh.queue = vacant.queue AND (fresh.due IS NULL OR fresh.due <= durable.clock())
    ORDER BY fresh.priority DESC, fresh.id
    LIMIT vacant.places
  ) s
), executions AS (
  INSERT INTO durable.workflow_executions (
    id, created_at, updated_at, definition_id, priority, workflow, queue, scheduled_at, retry_of, parent_id, tags,
    input, traceparent)
  SELECT id, durable.clock(), durable.clock(), definition_id, priority, workflow, queue, due, retry_of,
    parent_id, tags, input, traceparent
  FROM fresh
), queued AS (
  INSERT INTO durable.workflow_queue (
    id, due_at, deadline_at, started_at, definition_id, priority, ageing_ms, token, worker_id, state, queue)
  SELECT fresh.id, GREATEST(fresh.due, durable.clock()), durable.clock() + taken.timeout * interval '1 ms',
    CASE WHEN taken.id IS NOT NULL THEN durable.clock() END,
    COALESCE(taken.run_as, fresh.definition_id), fresh.priority,
    (SELECT p.priority_ageing_ms FROM durable.queue_settings p WHERE p.queue = fresh.queue),
    CASE WHEN taken.id IS NULL THEN 0 ELSE 1 END,
    CASE WHEN taken.id IS NOT NULL THEN $1 END,
    CASE WHEN taken.id IS NOT NULL THEN 'running' WHEN fresh.due > durable.clock() THEN 'sleeping' ELSE 'ready' END,
    fresh.queue
  FROM fresh
  LEFT JOIN taken ON taken.id = fresh.id
)
-- starts]
SELECT NULL AS kind, NULL::uuid AS id, NULL::boolean AS paused, NULL::boolean AS watched, NULL::boolean AS wake,
  NULL::boolean AS cancel
WHERE false
-- [operations
UNION ALL
SELECT 'op', held.id, held.paused, held.watched, held.wake, held.cancel FROM held
UNION ALL
SELECT 'gap', plain.id, NULL, NULL, NULL, NULL FROM plain WHERE NOT plain.whole
-- [parks
UNION ALL
SELECT 'ready', parked.id, NULL, NULL, NULL, NULL FROM parked WHERE parked.ready
-- parks]
-- operations]
-- [starts
UNION ALL
SELECT 'leased', taken.id, NULL, NULL, NULL, NULL FROM taken
-- starts]
;
