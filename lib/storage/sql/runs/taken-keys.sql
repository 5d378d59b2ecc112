-- The runs that idempotency keys belong to.
--
-- $1 text[]: workflows
-- $2 text[]: keys, one for each of them
SELECT e.id::text AS id, e.workflow, e.idempotency_key, e.input
FROM (SELECT DISTINCT workflow, key FROM unnest($1::text[], $2::text[]) AS u (workflow, key)) AS g
JOIN durable.workflow_executions e ON e.workflow = g.workflow AND e.idempotency_key = g.key;
