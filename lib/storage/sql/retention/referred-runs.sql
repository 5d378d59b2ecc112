-- Those of the finished runs that an unfinished one still refers to: a step that is not over waits for its end or will read how
-- it ended; or a run was made from its parent (restartFrom, retry) and may call it again by what it has taken over. A run
-- between the two stays as well: by it alone the later one is known to be made from the parent.
--
-- $1 uuid[]: the runs
--
-- Each is looked up by itself: what was made from a run is rare, and so are waits for one that has ended.
WITH RECURSIVE asked AS MATERIALIZED (
  SELECT a.id, e.parent_id
  FROM unnest($1::uuid[]) AS a(id)
  CROSS JOIN LATERAL (SELECT x.parent_id FROM durable.workflow_executions x WHERE x.id = a.id LIMIT 1) e
), made AS (
  SELECT p.origin, r.id
  FROM (SELECT a.parent_id AS origin FROM asked a WHERE a.parent_id IS NOT NULL UNION SELECT a.id FROM asked a) p
  CROSS JOIN LATERAL (SELECT x.id FROM durable.workflow_executions x WHERE x.retry_of = p.origin OFFSET 0) r
  UNION
  SELECT m.origin, r.id
  FROM made m
  CROSS JOIN LATERAL (SELECT x.id FROM durable.workflow_executions x WHERE x.retry_of = m.id OFFSET 0) r
), open AS MATERIALIZED (
  SELECT DISTINCT m.origin FROM made m WHERE EXISTS (SELECT FROM durable.workflow_queue q WHERE q.id = m.id)
)
SELECT a.id
FROM asked a
WHERE EXISTS (SELECT FROM durable.waits w WHERE w.child_id = a.id AND w.active)
  OR a.parent_id IN (SELECT origin FROM open) OR a.id IN (SELECT origin FROM open);
