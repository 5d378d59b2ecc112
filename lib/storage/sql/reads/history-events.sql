-- Runs that went to sleep, were paused or ended since a time, with their start if that was since then too; columns as
-- run-events.sql. Of one stretch of pages of the history, which has no index by these times (one would make the update that
-- ends a run twice as dear): a look at all of it is as many short statements as it takes, for after a lost connection.
--
-- $1 float8: since then, ms of database time
-- $2 integer: how many rows, the latest
-- $3 bigint: first page
-- $4 bigint: the page after the last
WITH touched AS MATERIALIZED (
  SELECT e.id, e.workflow, e.error, e.round, e.status, e.started_at, e.updated_at, e.completed_at
  FROM durable.workflow_executions e
  WHERE e.ctid >= format('(%s,0)', $3::bigint)::tid AND e.ctid < format('(%s,0)', $4::bigint)::tid
    AND e.updated_at >= to_timestamp($1::float8 / 1000)
), found AS (
  SELECT t.id AS run, t.workflow, CASE WHEN q.paused THEN 'paused' ELSE 'waiting' END AS what, t.updated_at AS at,
    q.token::text AS key, NULL AS status, t.round, t.error
  FROM touched t
  CROSS JOIN LATERAL (
    SELECT w.state, w.paused, w.token FROM durable.workflow_queue w WHERE w.id = t.id LIMIT 1
  ) q
  WHERE q.token > 0 AND q.state <> 'running'
    AND (CASE WHEN q.paused THEN t.error IS NOT NULL ELSE q.state = 'sleeping' END)
  UNION ALL
  SELECT t.id, t.workflow, 'ended', t.completed_at, '', t.status, t.round, t.error
  FROM touched t
  WHERE t.status <> 'active'
  UNION ALL
  SELECT t.id, t.workflow, 'started', t.started_at, '', NULL, t.round, NULL
  FROM touched t
  WHERE t.status <> 'active' AND t.started_at >= to_timestamp($1::float8 / 1000)
), latest AS (
  SELECT * FROM found ORDER BY at DESC LIMIT $2
)
SELECT run, workflow, what, (extract(epoch FROM at) * 1000)::float8 AS at, key, NULL AS name, NULL AS path, NULL AS type,
  status, round, NULL AS visit, NULL AS attempt, NULL AS duration_ms, NULL AS retry_at, error, NULL AS waits
FROM latest
ORDER BY latest.at;
