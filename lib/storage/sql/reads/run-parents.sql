-- The run that has started a run, the one that has started that, and so on, the nearest first.
--
-- $1 uuid: the run
-- $2 integer: how many
WITH RECURSIVE parent AS (
  SELECT e.parent_id AS id, 1 AS n
  FROM durable.workflow_executions e
  WHERE e.id = $1
  UNION ALL
  SELECT e.parent_id, p.n + 1
  FROM parent p
  JOIN durable.workflow_executions e ON e.id = p.id
  WHERE p.n < $2
)
SELECT p.id FROM parent p WHERE p.id IS NOT NULL ORDER BY p.n;
