-- Deletes runs that lock-old-runs.sql has locked; the rows of other tables that belong to them are gone already.
--
-- $1 uuid[]: the runs
DELETE FROM durable.workflow_executions WHERE id = ANY ($1::uuid[]);
