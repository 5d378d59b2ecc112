-- Rows of a run, which lock-run.sql has locked, that are suspended for a retry delay: the run itself, or steps of it on other
-- queues.
--
-- $1 uuid: the run
--
-- `snapshot`: where the run was suspended; NULL of steps.
SELECT q.id, q.queue, CASE WHEN q.step_of IS NULL THEN x.snapshot END AS snapshot
FROM durable.workflow_queue q
LEFT JOIN durable.workflow_executions x ON x.id = q.id
WHERE (q.id = $1 OR q.step_of = $1) AND q.state = 'sleeping' AND q.because = 'retry'
ORDER BY q.id
FOR NO KEY UPDATE OF q;
