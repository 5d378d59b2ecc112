-- Numbers of children of runs; one without any has no row.
--
-- $1 uuid[]: the parents
-- $2 bigint: how many of each are counted at most; null: all
SELECT p.id, c.count
FROM unnest($1::uuid[]) AS p(id)
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS count
  FROM (SELECT FROM durable.workflow_executions e WHERE e.parent_id = p.id LIMIT $2::bigint) r
) c
WHERE c.count > 0;
