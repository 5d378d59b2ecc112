-- Runs of the next stretch of the queue that nothing will wake although what they wait for is there.
--   $1 uuid     after this id
--   $2 integer  rows looked at, at most
-- Returns a row for each (see durable.unsound), and one with `what` null that says how far the stretch went (null: to the
-- end).
WITH stretch AS MATERIALIZED (
  SELECT q.id FROM durable.workflow_queue q WHERE q.id > $1 ORDER BY q.id LIMIT $2
)
SELECT u.run AS "runId", u.what
FROM durable.unsound(ARRAY(SELECT s.id FROM stretch s)) AS u
UNION ALL
SELECT CASE WHEN (SELECT count(*) FROM stretch) >= $2 THEN (SELECT s.id FROM stretch s ORDER BY s.id DESC LIMIT 1) END, NULL;
