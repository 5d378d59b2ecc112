-- Starts a run that has taken over records of another one: as if it had been leased before (token 1), so that its first
-- claim reads them.
--
-- $1 uuid: the new run
-- $2 uuid: the old run
-- $3 integer: the round whose records are taken over
-- $4 bigint: the last of them; 0: none
-- $5 text: W3C traceparent of whoever asks for it, or NULL
WITH source AS (
  SELECT * FROM durable.workflow_executions WHERE id = $2
), run AS (
  INSERT INTO durable.workflow_executions (
    id, created_at, updated_at, schedule_time, definition_id, priority, workflow, queue, retry_of, tags, input, traceparent)
  SELECT $1, durable.clock(), durable.clock(), schedule_time, definition_id, priority, workflow, queue, id, tags, input, $5
  FROM source
  RETURNING definition_id, priority, queue
), records AS (
  INSERT INTO durable.step_executions (
    run_id, seq, input_seq, completed_at, retry_at, token, round, visit, attempt, duration_ms, input_item, type, status,
    path, facts, output, error, logs, after_seq, nth)
  SELECT $1, seq, input_seq, completed_at, retry_at, 1, 1, visit, attempt, duration_ms, input_item, type, status, path,
    facts, output, error, logs, after_seq, nth
  FROM durable.step_executions
  WHERE run_id = $2 AND round = $3 AND seq <= $4
)
INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, ageing_ms, token, state, queue)
SELECT $1, durable.clock(), definition_id, priority,
  (SELECT p.priority_ageing_ms FROM durable.queue_settings p WHERE p.queue = run.queue), 1, 'ready', queue
FROM run
RETURNING queue;
