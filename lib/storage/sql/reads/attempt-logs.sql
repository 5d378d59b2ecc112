-- Log lines of one attempt of a step, by record: of an earlier pass of it, and of the attempt itself.
--
-- $1 uuid: the run
-- $2 text: path of the step
-- $3 integer: round
-- $4 integer: visit
-- $5 integer: attempt
SELECT s.seq, s.round, s.visit, s.attempt, s.path, s.logs
FROM durable.step_executions s
WHERE s.run_id = $1 AND s.logs IS NOT NULL AND s.round = $3 AND s.visit = $4 AND s.attempt = $5
  AND split_part(s.path, '~~', 1) = $2
ORDER BY s.seq;
