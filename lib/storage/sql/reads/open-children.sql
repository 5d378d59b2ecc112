-- The children that the open waits of a run wait for.
--
-- $1 uuid: the run
-- $2 text: the name that the waits must have (see cancel-waits.sql); NULL: all
--
-- (OFFSET 0: the waits are found by their run, see commit-group.sql.)
SELECT w.child_id AS id
FROM (
  SELECT v.child_id, v.names FROM durable.waits v WHERE v.run_id = $1 AND v.active AND v.state = 'open' OFFSET 0
) w
JOIN durable.workflow_executions c ON c.id = w.child_id
WHERE ($2::text IS NULL OR $2 = ANY (w.names) OR c.workflow = $2);
