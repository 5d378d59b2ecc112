-- Effects of a group's operations beside the journal and their own rows, in its transaction, after it took them.
--
-- $1 json: [{id, run, waits, closes, close_all, drop_steps, remote, compensating, pause}]
--
-- `id` is the row that carries the lease, `run` the run. Doing it again is harmless: the answer to a commit can be lost.
-- (ANY, OFFSET 0: see commit-group.sql. An `active` beside an id would let the planner read all that is.)
WITH op AS MATERIALIZED (
  SELECT *
  FROM json_to_recordset($1::json) AS o(
    id uuid, run uuid, waits json, closes json, close_all boolean, drop_steps boolean, remote json,
    compensating boolean, pause text)
), asked AS (
  INSERT INTO durable.waits (
    run_id, id, created_at, due_at, input_seq, child_id, input_item, round, visit, attempt, kind, type, path, key, names,
    spec)
  SELECT op.run, w.id, durable.clock(), to_timestamp(w.due_at / 1000), w.input_seq, w.child_id, w.input_item, w.round,
    w.visit, w.attempt, w.kind, w.type, w.path, w.key, ARRAY(SELECT json_array_elements_text(w.names)), w.spec
  FROM op
  CROSS JOIN LATERAL json_to_recordset(op.waits) AS w(
    id uuid, due_at float8, input_seq bigint, child_id uuid, input_item integer, round integer, visit integer,
    attempt integer, kind text, type text, path text, key text, names json, spec text)
  ON CONFLICT (run_id, id) DO NOTHING
), one AS MATERIALIZED (
  -- Run and id from one place: joined by its run alone, each wait would be looked for among all of the run.
  SELECT op.run, c.id::uuid AS id FROM op CROSS JOIN LATERAL json_array_elements_text(op.closes) AS c(id)
  WHERE op.close_all IS NOT TRUE
), closed AS (
  UPDATE durable.waits w
  SET active = false, state = CASE WHEN w.state = 'open' THEN 'cancelled' ELSE w.state END,
    closed_at = COALESCE(w.closed_at, durable.clock())
  FROM one
  WHERE w.run_id = ANY (ARRAY[one.run]) AND w.id = one.id
), all_closed AS (
  UPDATE durable.waits w
  SET active = false, state = CASE WHEN w.state = 'open' THEN 'cancelled' ELSE w.state END,
    closed_at = COALESCE(w.closed_at, durable.clock())
  FROM op
  CROSS JOIN LATERAL (SELECT a.run_id, a.id FROM durable.waits a WHERE a.run_id = op.run AND a.active OFFSET 0) one
  WHERE op.close_all AND w.run_id = ANY (ARRAY[one.run_id]) AND w.id = one.id
), remote AS (
  INSERT INTO durable.workflow_queue (
    id, step_of, due_at, deadline_at, definition_id, priority, ageing_ms, state, queue, step, paused, limit_key)
  SELECT h.id, op.run, durable.clock(), q.deadline_at, q.definition_id, q.priority,
    (SELECT p.priority_ageing_ms FROM durable.queue_settings p WHERE p.queue = h.queue),
    'ready', h.queue, h.step, q.paused, q.limit_key
  FROM op
  CROSS JOIN LATERAL json_to_recordset(op.remote) AS h(id uuid, queue text, step text)
  JOIN durable.workflow_queue q ON q.id = ANY (ARRAY[op.run])
  ON CONFLICT (id) DO NOTHING
), undone_steps AS (
  -- A step on another queue has no part in a run that has failed, or is being undone; its holder is refused.
  DELETE FROM durable.workflow_queue q
  WHERE q.step_of = ANY (ARRAY(SELECT op.run FROM op WHERE op.compensating OR op.drop_steps))
), marked AS (
  UPDATE durable.workflow_queue q
  SET compensating = COALESCE(op.compensating, q.compensating),
    cancel = CASE WHEN op.compensating THEN NULL ELSE q.cancel END,
    -- The fault that stops the run may not stop its rollback.
    paused = q.paused OR (op.pause IS NOT NULL AND q.cancel IS NULL)
  FROM op
  WHERE q.id = ANY (ARRAY[op.run]) AND (op.compensating IS NOT NULL OR op.pause IS NOT NULL)
), told AS (
  UPDATE durable.workflow_executions x
  SET error = op.pause, updated_at = durable.clock()
  FROM op
  WHERE x.id = ANY (ARRAY[op.run]) AND op.pause IS NOT NULL
)
SELECT 1;
