-- Log lines of a run's attempts. One row with no record where nothing was; none where there is no such run.
--
-- $1 uuid: the run
SELECT s.seq, s.round, s.visit, s.attempt, s.path, s.logs
FROM durable.workflow_executions e
LEFT JOIN durable.step_executions s ON s.run_id = e.id AND s.logs IS NOT NULL
WHERE e.id = $1
ORDER BY s.seq;
