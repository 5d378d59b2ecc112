-- The unfinished runs of trees, and those outside that wait for one of them. A run that has ended or is being undone
-- is left alone: as a root, nothing of its tree is given; below, it is walked through where it has ended (its children may
-- not have), and not where it is being undone (what it starts now belongs to the undoing).
--
-- $1 uuid[]: the roots
-- $2 boolean: only what is below the roots, whatever has become of them
--
-- Returns each run once, with `inside`: it is one of the tree, and does not only wait for one.
--
-- LATERAL with OFFSET: children are looked up by the index of parents, whatever the planner believes of their number.
WITH RECURSIVE tree AS (
  SELECT e.id, e.parent_id, e.status, q.compensating, $2::boolean AS passed
  FROM durable.workflow_executions e
  LEFT JOIN durable.workflow_queue q ON q.id = e.id
  WHERE e.id = ANY ($1::uuid[]) AND ($2 OR (e.status = 'active' AND NOT q.compensating))
  UNION
  SELECT c.id, c.parent_id, c.status, c.compensating, false
  FROM tree t
  CROSS JOIN LATERAL (
    SELECT e.id, e.parent_id, e.status, q.compensating
    FROM durable.workflow_executions e
    LEFT JOIN durable.workflow_queue q ON q.id = e.id
    WHERE e.parent_id = t.id
    OFFSET 0
  ) c
  WHERE t.passed OR t.compensating IS NOT TRUE
), inside AS (
  SELECT DISTINCT id FROM tree WHERE NOT passed AND status = 'active' AND NOT compensating
)
SELECT id, true AS inside
FROM inside
UNION ALL
SELECT DISTINCT w.run_id, false
FROM inside i
CROSS JOIN LATERAL (
  SELECT v.run_id FROM durable.waits v WHERE v.child_id = i.id AND v.active AND v.state = 'open' OFFSET 0
) w
WHERE NOT EXISTS (SELECT FROM inside o WHERE o.id = w.run_id);
