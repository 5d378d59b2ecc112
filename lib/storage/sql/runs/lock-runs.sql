-- Locks unfinished runs, in the order of ids, before their waits, steps and children are looked at.
--
-- $1 uuid[]: the runs
--
-- Returns those that have not ended: whether they have ever been claimed, are being undone, or are to be cancelled with
-- the error in `cancel`.
SELECT id, started_at IS NOT NULL AS begun, compensating, cancel
FROM durable.workflow_queue
WHERE id = ANY ($1::uuid[]) AND step_of IS NULL
ORDER BY id
FOR UPDATE;
