-- The last attempt of a step that has failed, in a round.
--
-- $1 uuid: the run
-- $2 integer: the round
-- $3 text: path of the step, or NULL: of any
-- $4 text: the step's name as paths have it, or NULL: any
-- $5 boolean: only one that is not made again
SELECT s.path, s.attempt, s.error
FROM durable.step_executions s
WHERE s.run_id = $1 AND s.round = $2 AND s.status = 'failed'
  AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate')
  AND CASE WHEN $3::text IS NULL THEN s.type <> 'compensate' ELSE s.path = $3 END
  AND ($4::text IS NULL OR right('/' || s.path, length($4) + 1) = '/' || $4)
  AND (NOT $5::boolean OR s.retry_at IS NULL)
ORDER BY s.seq DESC
LIMIT 1;
