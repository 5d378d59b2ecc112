-- Why a round is being undone.
--
-- $1 uuid: the run
-- $2 integer: the round
-- $3 bigint: the record that began it; NULL: that is not known
SELECT s.error
FROM durable.step_executions s
WHERE s.run_id = $1 AND s.round = $2 AND s.type = 'rollback' AND ($3::bigint IS NULL OR s.seq = $3)
ORDER BY s.seq DESC
LIMIT 1;
