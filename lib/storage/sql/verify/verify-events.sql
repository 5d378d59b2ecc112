-- I7: an event is given once, to a wait of its own run that names it, or is still in the mailbox, which goes with its run; a
-- wait has as many as its kind takes. Those of a round that failed were put back: only waits that a next pass reads must still
-- have theirs.
--
-- $1 integer: how many violations at most
SELECT m.run_id, CASE
    WHEN w.id IS NULL THEN format('has given event %s (%s) to wait %s, which it does not have', m.id, m.name, m.wait_id)
    WHEN w.state <> 'done' THEN format('has given event %s (%s) to a wait of %s that is %s', m.id, m.name, w.path, w.state)
    ELSE format('has given event %s (%s) to a wait of %s that does not ask for it', m.id, m.name, w.path) END AS what
FROM durable.events m
LEFT JOIN durable.waits w ON w.run_id = m.run_id AND w.id = m.wait_id
WHERE m.wait_id IS NOT NULL
  AND (w.id IS NULL OR w.state <> 'done' OR w.kind NOT IN ('event', 'any', 'all') OR m.name <> ALL (w.names))
UNION ALL
SELECT w.run_id, format('has a wait of %s that takes %s events and was given %s', w.path, w.takes, given.n)
FROM (
  SELECT v.run_id, v.id, v.path, v.active,
    CASE WHEN v.kind = 'all' THEN (SELECT count(DISTINCT n.name) FROM unnest(v.names) AS n(name)) ELSE 1 END AS takes
  FROM durable.waits v
  WHERE v.kind IN ('event', 'any', 'all') AND v.state = 'done'
) w
CROSS JOIN LATERAL (
  SELECT count(*) AS n FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id = w.id
) given
WHERE given.n > w.takes OR (w.active AND given.n < w.takes)
UNION ALL
SELECT m.run_id, format('has event %s (%s), and there is no such run', m.id, m.name)
FROM durable.events m
LEFT JOIN durable.workflow_executions e ON e.id = m.run_id
WHERE e.id IS NULL
LIMIT $1;
