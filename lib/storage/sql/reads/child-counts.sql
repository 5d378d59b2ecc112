-- Numbers of children of runs; one without any has no row.
--
-- $1 uuid[]: the parents
SELECT parent_id AS id, count(*)::integer AS count
FROM durable.workflow_executions
WHERE parent_id = ANY ($1::uuid[])
GROUP BY parent_id;
