-- The children that steps of a run have called and waited for.
--
-- $1 uuid: the run
-- $2 text[]: paths of the steps
SELECT w.path, w.round, w.visit, w.child_id
FROM durable.waits w
WHERE w.run_id = $1 AND w.child_id IS NOT NULL AND w.path = ANY ($2::text[])
ORDER BY w.id;
