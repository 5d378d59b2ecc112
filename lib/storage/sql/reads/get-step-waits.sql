-- Open waits of a run's steps, and the children that they have called.
--
-- $1 uuid: the run
SELECT path, type, round, visit, attempt, input_seq, input_item, state, child_id, created_at
FROM durable.waits
WHERE run_id = $1 AND (state = 'open' OR child_id IS NOT NULL)
ORDER BY id;
