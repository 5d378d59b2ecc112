-- Unfinished runs that were started since a time; columns as run-events.sql. Reads every unfinished run: for the rare look
-- after a lost connection.
--
-- $1 float8: since then, ms of database time
-- $2 integer: how many rows, the latest
WITH latest AS MATERIALIZED (
  SELECT q.id, q.started_at
  FROM durable.workflow_queue q
  WHERE q.step_of IS NULL AND q.started_at >= to_timestamp($1::float8 / 1000)
  ORDER BY q.started_at DESC LIMIT $2
)
SELECT e.id AS run, e.workflow, 'started' AS what, (extract(epoch FROM l.started_at) * 1000)::float8 AS at, '' AS key,
  NULL AS name, NULL AS path, NULL AS type, NULL AS status, e.round, NULL AS visit, NULL AS attempt, NULL AS duration_ms,
  NULL AS retry_at, NULL AS error, NULL AS waits
FROM latest l
CROSS JOIN LATERAL (SELECT x.id, x.workflow, x.round FROM durable.workflow_executions x WHERE x.id = l.id LIMIT 1) e
ORDER BY l.started_at;
