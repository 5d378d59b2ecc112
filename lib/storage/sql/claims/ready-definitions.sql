-- Those of the definitions that have something claimable in the queue.
--
-- $1 text: queue
-- $2 integer[]: definitions
SELECT d.id
FROM unnest($2::integer[]) AS d(id)
WHERE EXISTS (
  SELECT FROM durable.workflow_queue q
  WHERE q.queue = $1 AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused);
