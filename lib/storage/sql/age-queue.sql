-- Raises the priority of what has waited long in a queue: one step for each `ageing` of waiting, so that the order of
-- the claim's index is that of the effective priority.
--   $1 text       queue
--   $2 integer[]  definitions
--   $3 float8     ageing in ms
--   $4 integer    rows of one class (definition, resumed or not, priority) at most
--
-- Only what can be overtaken is touched: where all that is ready has one priority, nothing is written, however long the
-- backlog. Of each class the rows that would be claimed first are raised first; the rest follow in later sweeps. Classes
-- are found by stepping through the index, one probe each, 100 priorities at the most.
WITH RECURSIVE class AS (
  SELECT d.id AS definition_id, r.resumed, (
      SELECT q.priority FROM durable.workflow_queue q
      WHERE q.queue = $1 AND q.definition_id = d.id AND q.resumed = r.resumed AND q.state = 'ready' AND NOT q.paused
      ORDER BY q.priority DESC LIMIT 1) AS priority, 1 AS depth
  FROM unnest($2::integer[]) AS d(id), (VALUES (true), (false)) AS r(resumed)
  UNION ALL
  SELECT c.definition_id, c.resumed, (
      SELECT q.priority FROM durable.workflow_queue q
      WHERE q.queue = $1 AND q.definition_id = c.definition_id AND q.resumed = c.resumed AND q.state = 'ready'
        AND NOT q.paused AND q.priority < c.priority
      ORDER BY q.priority DESC LIMIT 1), c.depth + 1
  FROM class c
  WHERE c.priority IS NOT NULL AND c.depth < 100
), mixed AS MATERIALIZED (
  SELECT c.*
  FROM class c
  WHERE c.priority IS NOT NULL
    AND EXISTS (SELECT FROM class o WHERE o.resumed = c.resumed AND o.priority <> c.priority)
), next AS MATERIALIZED (
  SELECT w.id
  FROM mixed m
  CROSS JOIN LATERAL (
    SELECT q.id FROM durable.workflow_queue q
    WHERE q.queue = $1 AND q.definition_id = m.definition_id AND q.resumed = m.resumed AND q.priority = m.priority
      AND q.state = 'ready' AND NOT q.paused
      AND q.due_at <= durable.clock() - $3::float8 * interval '1 ms'
      AND q.due_at <= durable.clock() - (q.aged + 1) * $3::float8 * interval '1 ms'
      AND q.aged < 32767 AND q.priority < 2147483647
    ORDER BY q.due_at, q.id
    LIMIT $4
    FOR NO KEY UPDATE SKIP LOCKED
  ) w
), aside AS MATERIALIZED (
  -- Set aside by a claim: these come back in their order too.
  SELECT q.id FROM durable.workflow_queue q
  WHERE q.state = 'blocked' AND q.queue = $1
    AND q.due_at <= durable.clock() - (q.aged + 1) * $3::float8 * interval '1 ms'
    AND q.aged < 32767 AND q.priority < 2147483647
  LIMIT $4
  FOR NO KEY UPDATE SKIP LOCKED
), due AS (
  SELECT id FROM next UNION ALL SELECT id FROM aside
)
UPDATE durable.workflow_queue q
SET priority = q.priority + a.steps, aged = q.aged + a.steps
FROM due
JOIN durable.workflow_queue o ON o.id = due.id
CROSS JOIN LATERAL (
  SELECT LEAST(
    floor(extract(epoch FROM durable.clock() - o.due_at)::float8 * 1000 / $3::float8) - o.aged,
    32767 - o.aged, 2147483647::bigint - o.priority)::integer AS steps
) a
WHERE q.id = due.id AND a.steps > 0
