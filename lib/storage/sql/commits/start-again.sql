-- Starts whose outcome is unknown: each is written unless it is there already.
--
-- $1 json: [{id, workflow, ...}] as in commit-group.sql
WITH s AS MATERIALIZED (
  SELECT s.*, COALESCE(s.scheduled_at, durable.clock() + s.delay_ms * interval '1 ms') AS due
  FROM json_to_recordset($1::json) AS s(
    id uuid, workflow text, definition_id integer, queue text, priority integer, tags jsonb, delay_ms float8,
    scheduled_at timestamptz, retry_of uuid, parent_id uuid, input text, traceparent text)
), executions AS (
  INSERT INTO durable.workflow_executions (
    id, created_at, updated_at, definition_id, priority, workflow, queue, scheduled_at, retry_of, parent_id, tags,
    input, traceparent)
  SELECT id, durable.clock(), durable.clock(), definition_id, priority, workflow, queue,
    CASE WHEN scheduled_at IS NOT NULL OR delay_ms > 0 THEN due END, retry_of, parent_id, tags, input, traceparent
  FROM s
  ON CONFLICT (id) DO NOTHING
  RETURNING id
)
INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, ageing_ms, state, queue)
SELECT s.id, GREATEST(due, durable.clock()), definition_id, priority,
  (SELECT p.priority_ageing_ms FROM durable.queue_settings p WHERE p.queue = s.queue),
  CASE WHEN due > durable.clock() THEN 'sleeping' ELSE 'ready' END, queue
FROM s JOIN executions ON executions.id = s.id;
