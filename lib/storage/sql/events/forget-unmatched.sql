-- Deletes events that were sent in callers' transactions to runs that retention has deleted before these were committed: as
-- history they would have no run.
--
-- $1 uuid[]: the runs
DELETE FROM durable.events m
WHERE m.unmatched AND m.run_id = ANY ($1::uuid[])
  AND NOT EXISTS (SELECT FROM durable.workflow_executions e WHERE e.id = m.run_id);
