-- Forgets workers that have been dead for an hour and have no leases.
DELETE FROM durable.workers
WHERE id IN (
  SELECT w.id
  FROM durable.workers w
  WHERE w.dead_at < now() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM durable.workflow_queue q WHERE q.worker_id = w.id)
  FOR UPDATE SKIP LOCKED
);
