-- Payloads of one record: its own output, and the one that holds its input.
--
-- $1 uuid: the run
-- $2 bigint: the record
SELECT s.path, s.round, s.visit, s.attempt, s.output, s.error, s.input_item,
  CASE WHEN s.input_seq = 0 THEN e.input ELSE i.output END AS input
FROM durable.step_executions s
JOIN durable.workflow_executions e ON e.id = s.run_id
LEFT JOIN durable.step_executions i ON i.run_id = s.run_id AND i.seq = s.input_seq
WHERE s.run_id = $1 AND s.seq = $2
  AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate');
