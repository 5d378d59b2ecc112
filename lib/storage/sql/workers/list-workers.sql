-- The workers that have not been declared dead, oldest first.
SELECT w.id, w.host, w.pid, w.version, w.queues, w.started_at, w.seen_at, w.expires_at, w.expires_at > now() AS alive,
  w.in_flight,
  (SELECT count(*)::integer FROM durable.workflow_queue q WHERE q.worker_id = w.id) AS held,
  ARRAY(
    SELECT d.name FROM durable.workflow_definitions d WHERE d.id = ANY (w.definitions) ORDER BY d.name) AS workflows
FROM durable.workers w
WHERE w.dead_at IS NULL
ORDER BY w.started_at, w.id
