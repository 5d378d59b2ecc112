-- The payload of the event of this name that a run of a workflow was given last, among so many of the newest waits of each kind
-- that events have ended.
--
-- $1 text: workflow
-- $2 text: name of the event
-- $3 integer: how many waits
SELECT e.sent_at, e.payload
FROM unnest(ARRAY['event', 'any', 'all']) AS k(kind)
CROSS JOIN LATERAL (
  SELECT w.run_id, w.id, w.names
  FROM durable.waits w
  WHERE w.state = 'done' AND w.kind IN ('event', 'any', 'all') AND w.kind = k.kind
  ORDER BY w.id DESC
  LIMIT $3::integer
) w
CROSS JOIN LATERAL (
  SELECT x.sent_at, x.payload
  FROM durable.events x
  WHERE x.run_id = w.run_id AND x.wait_id = w.id AND x.name = $2::text
  ORDER BY x.id DESC
  LIMIT 1
) e
CROSS JOIN LATERAL (
  SELECT r.workflow FROM durable.workflow_executions r WHERE r.id = w.run_id LIMIT 1
) r
WHERE $2::text = ANY (w.names) AND r.workflow = $1::text
ORDER BY e.sent_at DESC
LIMIT 1;
