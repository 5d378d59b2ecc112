-- The records of a round, without their payloads: under the names that transitions know them by. Those of the items of a loop
-- whose results were put together are left out: nothing that follows goes by them, and of a long loop they are nearly all.
--
-- $1 uuid: the run
-- $2 integer: the round
WITH record AS MATERIALIZED (
  SELECT s.seq, s.path, s.type, s.visit, s.attempt, s.status, s.output IS NOT NULL AS has_output, s.facts, s.retry_at
  FROM durable.step_executions s
  WHERE s.run_id = $1 AND s.round = $2
), gathered AS MATERIALIZED (
  -- Loops in a loop are not among them: they are too many, and go with the outer one.
  SELECT r.path, max(r.seq) AS seq FROM record r
  WHERE r.type = 'gather' AND r.status = 'completed' AND strpos(r.path, '[') = 0
  GROUP BY r.path
)
SELECT r.seq, r.path, r.type, r.visit, r.attempt, r.status, r.has_output AS "hasOutput", r.facts,
  (extract(epoch FROM r.retry_at) * 1000)::float8 AS "retryAt"
FROM record r
WHERE strpos(r.path, '[') = 0
  OR NOT EXISTS (SELECT FROM gathered g WHERE g.path = split_part(r.path, '[', 1) AND g.seq > r.seq)
ORDER BY r.seq;
