-- What the steps of a run wait for now: what ends first comes first, up to a thousand, with how many there are.
--
-- $1 uuid: the run
--
-- `came`: of the names of a waitForAll, those whose event is there.
SELECT w.path, w.kind, w.names, w.created_at, w.due_at, w.spec, w.child_id, c.workflow AS child_workflow,
  CASE WHEN w.kind = 'all' THEN ARRAY(
    SELECT n.name FROM unnest(w.names) AS n(name)
    WHERE EXISTS (
      SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.name = n.name AND m.wait_id IS NULL)) END AS came,
  w.total
FROM (
  SELECT o.*, count(*) OVER ()::integer AS total
  FROM durable.waits o
  WHERE o.run_id = $1 AND o.active AND o.state = 'open'
  ORDER BY o.due_at NULLS LAST, o.id
  LIMIT 1000
) w
LEFT JOIN durable.workflow_executions c ON c.id = w.child_id
ORDER BY w.due_at NULLS LAST, w.id;
