-- Events of single runs since a time, as far as their rows tell. Rows of one run stand together in each table.
--
-- $1 json: [{id, since}], since in ms of database time
--
-- Returns (run, workflow, what, at in ms, key, and what there is to say): 'started', 'ended', 'waiting' and 'paused' (as it
-- is now; a pause that somebody asked for is left out), 'compensating', 'step', 'step_waiting', 'requested', 'provided', 'received'.
WITH asked AS MATERIALIZED (
  SELECT a.id, to_timestamp(a.since / 1000) AS since, e.workflow, e.status, e.error, e.round, e.completed_at,
    e.updated_at, COALESCE(q.started_at, e.started_at) AS started_at, q.state, q.paused, q.token
  FROM json_to_recordset($1::json) AS a(id uuid, since float8)
  JOIN durable.workflow_executions e ON e.id = a.id
  LEFT JOIN durable.workflow_queue q ON q.id = a.id
), record AS MATERIALIZED (
  -- Back to the last one from before; those of steps on other queues have numbers that were kept for them before. (In the order of
  -- steps_apart, see there. A range of one run: the planner takes any for short, and would put the whole of it in order.)
  SELECT a.id, a.workflow, s.*
  FROM asked a
  CROSS JOIN LATERAL (
    SELECT r.seq, r.completed_at, r.path, r.type, r.status, r.round, r.visit, r.attempt, r.duration_ms, r.retry_at, r.error
    FROM durable.step_executions r
    WHERE r.run_id = a.id AND r.nth IS NULL AND r.completed_at >= a.since AND r.seq > COALESCE((
      SELECT o.seq FROM durable.step_executions o
      WHERE o.run_id >= a.id AND o.run_id <= a.id AND o.nth IS NULL AND o.completed_at < a.since
      ORDER BY o.run_id DESC, o.seq DESC LIMIT 1), 0)
    UNION ALL
    (SELECT r.seq, r.completed_at, r.path, r.type, r.status, r.round, r.visit, r.attempt, r.duration_ms, r.retry_at, r.error
     FROM durable.step_executions r
     WHERE r.run_id = a.id AND r.nth IS NOT NULL AND r.completed_at >= a.since
     ORDER BY r.type LIMIT 10000000)
  ) s
), found AS (
  SELECT id AS run, workflow, 'started' AS what, started_at AS at, '' AS key, NULL::text AS name, NULL::text AS path,
    NULL::text AS type, NULL::text AS status, round, NULL::integer AS visit, NULL::integer AS attempt,
    NULL::integer AS duration_ms, NULL::timestamptz AS retry_at, NULL::text AS error, NULL::json AS waits
  FROM asked WHERE started_at >= since
  UNION ALL
  SELECT id, workflow, 'ended', completed_at, '', NULL, NULL, NULL, status, round, NULL, NULL, NULL, NULL, error, NULL
  FROM asked WHERE completed_at >= since
  UNION ALL
  SELECT id, workflow, CASE WHEN paused THEN 'paused' ELSE 'waiting' END, updated_at, token::text, NULL, NULL, NULL, NULL,
    round, NULL, NULL, NULL, NULL, error, NULL
  FROM asked WHERE updated_at >= since AND token > 0 AND state <> 'running' AND (CASE WHEN paused THEN error IS NOT NULL ELSE state = 'sleeping' END)
  UNION ALL
  SELECT id, workflow, 'compensating', completed_at, '', NULL, NULL, NULL, NULL, round, NULL, NULL, NULL, NULL, NULL, NULL
  FROM record WHERE type = 'rollback'
  UNION ALL
  SELECT id, workflow, 'step', completed_at, seq::text, NULL, path, type, status, round, visit, attempt, duration_ms, retry_at,
    error, NULL
  FROM record WHERE type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
  UNION ALL
  SELECT a.id, a.workflow, 'step_waiting', w.created_at, min(w.id::text), NULL, w.path, min(w.type), NULL, min(w.round), w.visit,
    min(w.attempt), NULL, NULL, NULL, json_agg(json_build_object('kind', w.kind, 'names', w.names) ORDER BY w.id)
  FROM asked a
  JOIN durable.waits w ON w.run_id = a.id
  WHERE w.created_at >= a.since
  GROUP BY a.id, a.workflow, w.created_at, w.path, w.visit
  UNION ALL
  SELECT a.id, a.workflow, 'requested', w.created_at, w.id::text, w.names[1], w.path, NULL, NULL, w.round, w.visit,
    w.attempt, NULL, NULL, NULL, NULL
  FROM asked a
  JOIN durable.waits w ON w.run_id = a.id
  WHERE w.kind = 'input' AND w.created_at >= a.since
  UNION ALL
  SELECT a.id, a.workflow, 'provided', w.closed_at, w.id::text, w.names[1], w.path, NULL, NULL, w.round, w.visit,
    w.attempt, NULL, NULL, NULL, NULL
  FROM asked a
  JOIN durable.waits w ON w.run_id = a.id
  WHERE w.kind = 'input' AND w.state = 'done' AND w.closed_at >= a.since
  UNION ALL
  SELECT a.id, a.workflow, 'received', m.sent_at, COALESCE(m.dedupe_key, m.request::text, m.id::text), m.name, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL
  FROM asked a
  JOIN durable.events m ON m.run_id = a.id
  WHERE m.sent_at >= a.since AND NOT m.unmatched
)
SELECT run, workflow, what, (extract(epoch FROM at) * 1000)::float8 AS at, key, name, path, type, status, round, visit,
  attempt, duration_ms, (extract(epoch FROM retry_at) * 1000)::float8 AS retry_at, error, waits
FROM found
ORDER BY found.at;
