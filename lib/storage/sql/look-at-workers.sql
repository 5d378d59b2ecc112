-- The other workers, as they look from here.
--   $1 integer  the worker that looks
-- `connected` is null where it says nothing: the session cannot be watched, or the server was restarted since the
-- worker was last seen (then every session is gone, of the living too).
SELECT w.id, w.pid, w.process_key, w.process_start, w.seen_at::text AS seen_at,
  w.expires_at < now() AS expired,
  w.dead_at IS NOT NULL AS dead,
  w.dead_at IS NOT NULL AND EXISTS (SELECT FROM durable.workflow_queue q WHERE q.worker_id = w.id) AS owes,
  CASE WHEN w.session_name IS NOT NULL AND w.seen_at > pg_postmaster_start_time()
    THEN EXISTS (SELECT FROM pg_stat_activity a WHERE a.application_name = w.session_name) END AS connected
FROM durable.workers w
WHERE w.id <> $1;
