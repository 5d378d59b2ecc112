-- The children that steps of a run have called and waited for.
--
-- $1 uuid: the run
-- $2 text[]: paths of the steps
--
-- Of visits that are over each is found by its path; the others, which go on, by their run. (A range in order, not `=`: whatever the
-- planner takes the table for, no other index gives that.)
SELECT w.path, w.round, w.visit, w.child_id
FROM (
  SELECT c.id, c.path, c.round, c.visit, c.child_id
  FROM unnest($2::text[]) AS p(path)
  CROSS JOIN LATERAL (
    SELECT o.id, o.path, o.round, o.visit, o.child_id
    FROM durable.waits o
    WHERE o.run_id = $1 AND o.child_id IS NOT NULL AND NOT o.active AND o.path >= p.path AND o.path <= p.path
    ORDER BY o.path
    LIMIT 1000000
  ) c
  UNION ALL
  SELECT a.id, a.path, a.round, a.visit, a.child_id
  FROM (
    -- By its run alone, or an index of children may be taken for as good.
    SELECT o.id, o.path, o.round, o.visit, o.child_id FROM durable.waits o WHERE o.run_id = $1 AND o.active OFFSET 0
  ) a
  WHERE a.child_id IS NOT NULL AND a.path = ANY ($2::text[])
) w
ORDER BY w.id;
