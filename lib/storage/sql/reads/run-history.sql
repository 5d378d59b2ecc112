-- What has happened to a run, and who did it: a page of it, the oldest first.
--
-- $1 uuid: the run
-- $2 bigint: time in microseconds: only what came after it and the key in $3; NULL: none of it
-- $3 text: key
-- $4 bigint: time in microseconds: only what came before it and the key in $5, the last first; NULL: none of it
-- $5 text: key
-- $6 integer: how many
--
-- `key`: orders what happened at one time. `path`: of the step. No row for a run that there is not.
-- A wait that ended has a row of its own where nothing else tells it: not for an answer, and not for an event.
WITH run AS MATERIALIZED (
  SELECT e.*, q.paused AND q.state <> 'running' AS stands,
    (SELECT CASE WHEN a.action = 'run.pause'
       THEN json_build_object('at', a.at, 'actor', a.actor, 'reason', a.details ->> 'reason') END
     FROM durable.audit a
     WHERE a.target_kind = 'run' AND a.target_id = e.id::text AND a.action IN ('run.pause', 'run.resume')
       AND a.outcome = 'done' AND COALESCE(a.details ->> 'changed', '') <> 'false'
     ORDER BY a.id DESC LIMIT 1) AS pausing
  FROM durable.workflow_executions e
  LEFT JOIN durable.workflow_queue q ON q.id = e.id
  WHERE e.id = $1
), found AS (
  SELECT e.created_at AS at, '0' AS key, 'started' AS kind, NULL::text AS path, NULL::text AS error, json_build_object(
      'by', CASE WHEN e.schedule_name IS NOT NULL THEN 'schedule' WHEN e.parent_id IS NOT NULL THEN 'parent'
        WHEN e.retry_of IS NOT NULL THEN 'retry' ELSE 'client' END,
      'schedule', e.schedule_name, 'parentId', e.parent_id, 'retryOf', e.retry_of, 'scheduledAt', e.scheduled_at) AS facts
  FROM run e
  UNION ALL
  SELECT m.sent_at, '2' || lpad(m.id::text, 20, '0'), 'event', NULL, NULL, json_build_object(
      'eventId', m.id::text, 'eventName', m.name, 'dedupeKey', m.dedupe_key, 'wait', w.path)
  FROM durable.events m
  LEFT JOIN durable.waits w ON w.run_id = m.run_id AND w.id = m.wait_id
  WHERE m.run_id = $1
  UNION ALL
  SELECT w.created_at, '6' || min(w.id::text), 'waiting', w.path, NULL, json_build_object(
      'round', w.round, 'visit', w.visit, 'attempt', w.attempt,
      'waits', json_agg(json_build_object('kind', w.kind, 'until', w.due_at, 'childId', w.child_id,
        'inputId', CASE WHEN w.kind = 'input' THEN w.id END,
        'names', CASE WHEN w.kind = 'child' THEN ARRAY[c.workflow] ELSE w.names END) ORDER BY w.id))
  FROM durable.waits w
  LEFT JOIN durable.workflow_executions c ON c.id = w.child_id
  WHERE w.run_id = $1
  GROUP BY w.created_at, w.path, w.round, w.visit, w.attempt
  UNION ALL
  SELECT w.closed_at, '3' || w.id::text, 'answer', w.path, NULL, json_build_object(
      'inputId', w.id, 'inputName', w.names[1], 'actor', (
        SELECT a.actor
        FROM durable.audit a
        WHERE a.target_kind = 'run' AND a.target_id = w.run_id::text AND a.action = 'input.answer' AND a.outcome = 'done'
          AND (a.details ->> 'inputId' = w.id::text OR a.details ->> 'name' = w.names[1] AND a.at >= w.closed_at)
        ORDER BY a.id LIMIT 1))
  FROM durable.waits w
  WHERE w.run_id = $1 AND w.kind = 'input' AND w.state = 'done'
  UNION ALL
  SELECT w.closed_at, '5' || w.id::text, 'resumed', w.path, NULL, json_build_object(
      'wait', w.kind, 'names', CASE WHEN w.kind = 'child' THEN ARRAY[c.workflow] ELSE w.names END, 'childId', w.child_id,
      'how', w.state)
  FROM run e
  JOIN durable.waits w ON w.run_id = e.id
  LEFT JOIN durable.workflow_executions c ON c.id = w.child_id
  WHERE w.state = 'timed_out' OR w.state = 'done' AND w.kind IN ('sleep', 'child')
    -- Not those that the end of the run has closed.
    OR w.state = 'cancelled' AND w.result IS NOT NULL AND w.closed_at < COALESCE(e.completed_at, 'infinity')
  UNION ALL
  SELECT s.completed_at, '4' || lpad(s.seq::text, 20, '0'), 'retry', s.path, s.error, json_build_object(
      'seq', s.seq, 'round', s.round, 'visit', s.visit, 'attempt', s.attempt, 'retryAt', s.retry_at)
  FROM durable.step_executions s
  WHERE s.run_id = $1 AND s.status = 'failed'
    AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
  UNION ALL
  SELECT s.completed_at, '7' || lpad(s.seq::text, 20, '0'), 'compensating', NULL, s.error, json_build_object('round', s.round)
  FROM durable.step_executions s
  WHERE s.run_id = $1 AND s.type = 'rollback'
  UNION ALL
  SELECT min(b.at), '5' || lpad(b.round::text, 20, '0'), 'round', NULL, NULL, json_build_object('round', b.round)
  FROM (
    SELECT s.round, s.completed_at - s.duration_ms * interval '1 ms' AS at FROM durable.step_executions s WHERE s.run_id = $1
    UNION ALL
    SELECT w.round, w.created_at FROM durable.waits w WHERE w.run_id = $1
  ) b
  WHERE b.round > 1
  GROUP BY b.round
  UNION ALL
  SELECT COALESCE(CASE WHEN e.error IS NULL THEN (e.pausing ->> 'at')::timestamptz END, e.updated_at), '8', 'paused', NULL, e.error,
    CASE WHEN e.error IS NULL
      THEN json_build_object('actor', e.pausing -> 'actor', 'reason', e.pausing -> 'reason') ELSE '{}'::json END
  FROM run e
  WHERE e.stands
  UNION ALL
  SELECT e.completed_at, '9', e.status, NULL, e.error, json_build_object('failedStep', e.failed_step)
  FROM run e
  WHERE e.status <> 'active'
  UNION ALL
  SELECT a.at, '1' || a.id::text, 'audit', NULL, NULL, json_build_object(
      'id', a.id, 'actor', a.actor, 'action', a.action, 'outcome', a.outcome, 'code', a.code, 'details', a.details,
      'reason', a.details -> 'reason')
  FROM durable.audit a
  WHERE a.target_kind = 'run' AND a.target_id = $1::uuid::text
), timed AS MATERIALIZED (
  SELECT (extract(epoch FROM f.at) * 1000000)::bigint AS micros, f.* FROM found f
)
(
  SELECT t.micros::text AS micros, t.key, t.kind, t.at, t.path, t.error, t.facts
  FROM timed t
  WHERE (t.micros, t.key COLLATE "C") > ($2::bigint, $3::text COLLATE "C")
  ORDER BY t.micros, t.key COLLATE "C"
  LIMIT $6
)
UNION ALL
(
  SELECT t.micros::text, t.key, t.kind, t.at, t.path, t.error, t.facts
  FROM timed t
  WHERE (t.micros, t.key COLLATE "C") < ($4::bigint, $5::text COLLATE "C")
  ORDER BY t.micros DESC, t.key COLLATE "C" DESC
  LIMIT $6
);
