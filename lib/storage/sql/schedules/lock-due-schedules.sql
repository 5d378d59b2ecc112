-- Schedules that are due, those first that have been so for longest, locked. What somebody else has locked is passed over, and
-- so is what is of a workflow whose later code is in force: that starts its runs.
--
-- $1 text[]: the workflows that this process knows
-- $2 integer[]: its definition of each
-- $3 text[]: names of schedules to leave alone
-- $4 integer: how many at most
--
-- No code of the app runs under the lock: of a process that is frozen with it the server ends the transaction within the
-- session's own limit.
SELECT s.*, durable.clock() AS now
FROM durable.scheduled_workflows s
JOIN unnest($1::text[], $2::integer[]) AS own(workflow, definition_id) ON own.workflow = s.workflow
WHERE s.next_run_at <= durable.clock() AND s.name <> ALL ($3::text[])
  AND NOT EXISTS (
    SELECT FROM durable.declarations d
    WHERE d.kind = 'schedules' AND d.subject = s.workflow AND d.in_force AND d.definition_id > own.definition_id)
ORDER BY s.next_run_at, s.name
LIMIT $4
FOR NO KEY UPDATE OF s SKIP LOCKED;
