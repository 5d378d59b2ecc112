-- The runs that are retries of a run, the first first.
--
-- $1 uuid: id
-- $2 integer: how many
SELECT e.id FROM durable.workflow_executions e WHERE e.retry_of = $1::uuid ORDER BY e.created_at, e.id LIMIT $2::integer;
