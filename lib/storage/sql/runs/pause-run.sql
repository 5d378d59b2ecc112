-- Pauses a run that lock-run.sql has locked, and its steps on other queues. One that a worker has leased stops at its next
-- commit.
--
-- $1 uuid: the run
--
-- Returns a row for each that was not paused before, and whether it is the run itself, which nobody has leased.
UPDATE durable.workflow_queue
SET paused = true
WHERE (id = $1 OR step_of = $1) AND NOT paused
RETURNING id = $1 AND state <> 'running' AS idle;
