-- The stored definitions that a process may claim, and the one of its own that runs each: its own; earlier ones; later ones
-- that no living worker has (a rollback). Of those that are not its own, only such as a row may become ready with: a ready
-- row of its queues has it, one that may become ready, or a worker, which gives its rows back when it leaves or dies.
-- (Living: nobody has declared it dead. A lease that looks expired may only say that the server's clock was set forward.)
--
-- $1 integer: the worker
-- $2 integer[]: its own definitions
-- $3 text[]: its queues
--
-- Each step of a recursion reads the next definition from an index: the cost goes with the definitions that unfinished
-- runs have, neither with the runs nor with the definitions that were ever stored.
WITH RECURSIVE ready AS (
  SELECT u.queue, (
    SELECT q.definition_id FROM durable.workflow_queue q
    WHERE q.queue = u.queue AND q.state = 'ready' AND NOT q.paused
    ORDER BY q.definition_id LIMIT 1) AS id
  FROM unnest($3::text[]) AS u(queue)
  UNION ALL
  SELECT r.queue, (
    SELECT q.definition_id FROM durable.workflow_queue q
    WHERE q.queue = r.queue AND q.state = 'ready' AND NOT q.paused AND q.definition_id > r.id
    ORDER BY q.definition_id LIMIT 1)
  FROM ready r
  WHERE r.id IS NOT NULL
), later AS (
  (SELECT q.definition_id AS id FROM durable.workflow_queue q
   WHERE CASE WHEN q.state = 'ready' THEN q.paused ELSE q.state <> 'running' END
   ORDER BY q.definition_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT q.definition_id FROM durable.workflow_queue q
    WHERE CASE WHEN q.state = 'ready' THEN q.paused ELSE q.state <> 'running' END AND q.definition_id > l.id
    ORDER BY q.definition_id LIMIT 1)
  FROM later l
  WHERE l.id IS NOT NULL
), candidate AS MATERIALIZED (
  SELECT unnest($2::integer[]) AS id
  UNION SELECT id FROM ready
  UNION SELECT id FROM later
  UNION SELECT unnest(w.definitions) FROM durable.workers w
)
SELECT d.id, own.id AS own, d.id <> own.id AND json_array_length(d.definition -> 'compensations') > 0 AS undoes
FROM candidate c
JOIN durable.workflow_definitions d ON d.id = c.id
JOIN durable.workflow_definitions own ON own.name = d.name AND own.id = ANY ($2)
WHERE d.id = own.id
  OR d.version < own.version
  OR NOT EXISTS (
    SELECT FROM durable.workers w
    WHERE w.dead_at IS NULL AND w.id <> $1 AND d.id = ANY (w.definitions));
