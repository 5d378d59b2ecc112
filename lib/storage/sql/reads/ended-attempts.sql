-- The attempts of some steps of a run that have ended.
--
-- $1 uuid: the run
-- $2 text[]: paths of the steps
SELECT s.path, s.round, s.visit, s.attempt
FROM durable.step_executions s
WHERE s.run_id = $1 AND s.path = ANY ($2::text[])
  AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate');
