-- I4: the journal is whole. No record is gone that another one, or the run itself, still names; none stands in the
-- future of the run. (That no record ever changed cannot be seen afterwards; no statement of the engine updates one.)
--
-- $1 integer: how many violations at most
SELECT s.run_id, format('has record %s of %s, whose input was record %s, which is not there', s.seq, s.path, s.input_seq) AS what
FROM durable.step_executions s
LEFT JOIN durable.step_executions source ON source.run_id = s.run_id AND source.seq = s.input_seq
WHERE s.input_seq <> 0 AND (source.seq IS NULL OR source.output IS NULL OR s.input_seq >= s.seq)
UNION ALL
SELECT e.id, format('has the data of record %s, which is not there', e.data_seq)
FROM durable.workflow_executions e
LEFT JOIN durable.step_executions s ON s.run_id = e.id AND s.seq = e.data_seq
WHERE e.data_seq <> 0 AND (s.seq IS NULL OR s.output IS NULL)
UNION ALL
SELECT e.id, format('needs record %s to go on, which is not there', n.seq)
FROM durable.workflow_executions e
CROSS JOIN LATERAL unnest(e.snapshot_needs) AS n(seq)
LEFT JOIN durable.step_executions s ON s.run_id = e.id AND s.seq = n.seq
WHERE n.seq > 0 AND s.seq IS NULL
UNION ALL
SELECT s.run_id, format('has record %s of %s in round %s, and is in round %s', s.seq, s.path, s.round, e.round)
FROM durable.step_executions s
JOIN durable.workflow_executions e ON e.id = s.run_id
WHERE s.round > e.round OR s.seq < 1
UNION ALL
SELECT s.run_id, format('has record %s of %s, and there is no such run', s.seq, s.path)
FROM durable.step_executions s
LEFT JOIN durable.workflow_executions e ON e.id = s.run_id
WHERE e.id IS NULL
LIMIT $1;
