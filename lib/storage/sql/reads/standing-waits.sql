-- Open waits of the steps of runs: those that end first come first, up to a thousand of each, with how many there are.
--
-- $1 json: calls: [{n, id}]: number of the call, and the run
--
-- `came`: of the names of a waitForAll, those whose event is there.
SELECT c.n, w.path, w.kind, w.names, w.created_at, w.due_at, w.spec, w.child_id, k.workflow AS child_workflow,
  CASE WHEN w.kind = 'all' THEN ARRAY(
    SELECT m.name FROM unnest(w.names) WITH ORDINALITY AS m(name, at)
    WHERE EXISTS (
      SELECT FROM durable.events v WHERE v.run_id = w.run_id AND v.name = m.name AND v.wait_id IS NULL)
    ORDER BY m.at) END AS came,
  w.total
FROM json_to_recordset($1::json) AS c(n integer, id uuid)
CROSS JOIN LATERAL (
  SELECT o.*, count(*) OVER ()::integer AS total
  FROM durable.waits o
  WHERE o.run_id = c.id AND o.active AND o.state = 'open'
  ORDER BY o.due_at NULLS LAST, o.id
  LIMIT 1000
) w
LEFT JOIN durable.workflow_executions k ON k.id = w.child_id
ORDER BY c.n, w.due_at NULLS LAST, w.id;
