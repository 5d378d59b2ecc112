-- The workers that have not been declared dead, oldest first. `behind`: the workflows of which another living one has newer
-- code.
SELECT w.id, w.host, w.pid, w.version, w.queues, w.started_at, w.seen_at, w.expires_at, w.expires_at > now() AS alive,
  w.in_flight, w.capacity, w.listening,
  (SELECT count(*)::integer FROM durable.workflow_queue q WHERE q.worker_id = w.id) AS held,
  ARRAY(
    SELECT d.name FROM durable.workflow_definitions d WHERE d.id = ANY (w.definitions) ORDER BY d.name) AS workflows,
  ARRAY(
    SELECT d.name FROM durable.workflow_definitions d
    WHERE d.id = ANY (w.definitions) AND EXISTS (
      SELECT FROM durable.workers o
      JOIN durable.workflow_definitions n ON n.id = ANY (o.definitions) AND n.name = d.name AND n.version > d.version
      WHERE o.dead_at IS NULL AND o.expires_at > now())
    ORDER BY d.name) AS behind
FROM durable.workers w
WHERE w.dead_at IS NULL
ORDER BY w.started_at, w.id;
