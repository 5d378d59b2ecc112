-- Rows of the next stretch of the queue that nothing will move although they could go on.
--
-- $1 uuid: after this id
-- $2 integer: rows looked at, at most
--
-- Returns `rows`, see durable.unsound, and how far the stretch went (`next`; null: to the end).
WITH stretch AS MATERIALIZED (
  SELECT q.id FROM durable.workflow_queue q WHERE q.id > $1 ORDER BY q.id LIMIT $2
)
SELECT
  ARRAY(SELECT DISTINCT u.id FROM durable.unsound(ARRAY(SELECT s.id FROM stretch s)) AS u ORDER BY u.id) AS rows,
  CASE WHEN (SELECT count(*) FROM stretch) >= $2 THEN (SELECT s.id FROM stretch s ORDER BY s.id DESC LIMIT 1) END AS next;
