-- Runs below others: their children, the children of these, and so on, so many levels down. What is below one that has not
-- ended is of no interest: that one keeps all above it.
--
-- $1 uuid[]: the others
-- $2 uuid[]: runs that are left out, with what is below them
-- $3 text[]: statuses
-- $4 timestamptz: ended then or before
-- $5 integer: levels
--
-- Returns each once, those of a level before those below. `old`: it has such a status and ended by then; `deepest`: it is of
-- the last level, so that there may be more below it.
WITH RECURSIVE below AS (
  SELECT c.id, c.parent_id, c.status, c.completed_at, 1 AS level
  FROM unnest($1::uuid[]) AS a(id)
  CROSS JOIN LATERAL (
    SELECT e.id, e.parent_id, e.status, e.completed_at
    FROM durable.workflow_executions e
    WHERE e.parent_id = a.id
    OFFSET 0
  ) c
  WHERE c.id <> ALL ($2::uuid[])
  UNION ALL
  SELECT c.id, c.parent_id, c.status, c.completed_at, b.level + 1
  FROM below b
  CROSS JOIN LATERAL (
    SELECT e.id, e.parent_id, e.status, e.completed_at
    FROM durable.workflow_executions e
    WHERE e.parent_id = b.id
    OFFSET 0
  ) c
  WHERE b.level < $5 AND b.status <> 'active' AND c.id <> ALL ($2::uuid[])
)
SELECT b.id, b.parent_id AS parent, b.status <> 'active' AS ended,
  b.status = ANY ($3::text[]) AND COALESCE(b.completed_at <= $4, false) AS old, b.level = $5 AS deepest
FROM below b;
