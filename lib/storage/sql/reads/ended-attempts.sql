-- The attempts of some steps of a run that have ended of late: among its last records, and those of steps on other queues, which
-- have numbers that were kept for them before.
--
-- $1 uuid: the run
-- $2 text[]: paths of the steps
-- $3 integer: how many of the last records
--
-- (In the order of steps_apart, see there. A range of one run: see run-events.sql.)
SELECT s.path, s.round, s.visit, s.attempt
FROM (
  (SELECT r.path, r.round, r.visit, r.attempt, r.type FROM durable.step_executions r
   WHERE r.run_id >= $1 AND r.run_id <= $1
   ORDER BY r.run_id DESC, r.seq DESC LIMIT $3)
  UNION ALL
  (SELECT r.path, r.round, r.visit, r.attempt, r.type FROM durable.step_executions r
   WHERE r.run_id = $1 AND r.nth IS NOT NULL
   ORDER BY r.type LIMIT 10000000)
) s
WHERE s.path = ANY ($2::text[])
  AND s.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'compensate');
