-- Runs that were started, went to sleep, were paused or ended of late; columns as run-events.sql. Reads the whole history,
-- which has no index by these times (one would make the update that ends a run twice as dear): for the rare look after a
-- lost connection, never for a loop.
--
-- $1 float8   how many ms back
-- $2 integer  how many rows, the latest
WITH since AS MATERIALIZED (
  SELECT durable.clock() - $1 * interval '1 ms' AS at
), open AS MATERIALIZED (
  SELECT e.id, e.workflow, e.error, e.round, e.updated_at, q.started_at, q.state, q.paused, q.token
  FROM durable.workflow_queue q
  JOIN durable.workflow_executions e ON e.id = q.id
  WHERE q.step_of IS NULL AND (q.started_at >= (SELECT at FROM since) OR e.updated_at >= (SELECT at FROM since))
), ended AS MATERIALIZED (
  SELECT e.id, e.workflow, e.error, e.round, e.status, e.started_at, e.completed_at
  FROM durable.workflow_executions e
  WHERE e.completed_at >= (SELECT at FROM since)
), found AS (
  SELECT id AS run, workflow, 'started' AS what, started_at AS at, '' AS key, NULL AS status, round, NULL AS error
  FROM open WHERE started_at >= (SELECT at FROM since)
  UNION ALL
  SELECT id, workflow, CASE WHEN paused THEN 'paused' ELSE 'waiting' END, updated_at, token::text, NULL, round, error
  FROM open
  WHERE updated_at >= (SELECT at FROM since) AND token > 0 AND state <> 'running' AND (CASE WHEN paused THEN error IS NOT NULL ELSE state = 'sleeping' END)
  UNION ALL
  SELECT id, workflow, 'started', started_at, '', NULL, round, NULL
  FROM ended WHERE started_at >= (SELECT at FROM since)
  UNION ALL
  SELECT id, workflow, 'ended', completed_at, '', status, round, error FROM ended
), latest AS (
  SELECT * FROM found ORDER BY at DESC LIMIT $2
)
SELECT run, workflow, what, (extract(epoch FROM at) * 1000)::float8 AS at, key, NULL AS name, NULL AS path, NULL AS type,
  status, round, NULL AS visit, NULL AS attempt, NULL AS duration_ms, NULL AS retry_at, error, NULL AS waits
FROM latest
ORDER BY latest.at
