-- The records of a round, without their payloads: under the names that transitions know them by. Those of the items of a loop
-- whose results were put together are left out: of a long loop they are nearly all, and nothing that follows goes by them, as
-- long as nothing there was visited twice.
--
-- $1 uuid: the run
-- $2 integer: the round
WITH record AS NOT MATERIALIZED (
  SELECT s.seq, s.path, s.type, s.visit, s.attempt, s.status, s.output IS NOT NULL AS has_output, s.facts, s.retry_at
  FROM durable.step_executions s
  WHERE s.run_id = $1 AND s.round = $2
), circling AS MATERIALIZED (
  -- What items visited again, or a loop that was: later visits are numbered behind those, and some loops end without a gather.
  SELECT DISTINCT split_part(r.path, '[', 1) AS path FROM record r WHERE r.visit > 1 AND strpos(r.path, '[') > 0
), gathered AS MATERIALIZED (
  -- Loops in a loop are not among them: they are too many, and go with the outer one.
  SELECT r.path, r.seq FROM record r
  WHERE r.type = 'gather' AND r.status = 'completed' AND r.visit = 1 AND strpos(r.path, '[') = 0
    AND NOT EXISTS (SELECT FROM circling c WHERE c.path = r.path)
)
SELECT r.seq, r.path, r.type, r.visit, r.attempt, r.status, r.has_output AS "hasOutput", r.facts,
  (extract(epoch FROM r.retry_at) * 1000)::float8 AS "retryAt"
FROM record r
LEFT JOIN gathered g ON strpos(r.path, '[') > 0 AND g.path = split_part(r.path, '[', 1) AND g.seq > r.seq
WHERE g.path IS NULL
ORDER BY r.seq;
