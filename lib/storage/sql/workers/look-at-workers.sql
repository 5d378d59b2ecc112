-- The other workers, as they look from here, and those that are in no row of the table any more but still have leases.
--
-- $1 integer: the worker that looks
--
-- `connected` is null where it says nothing: the session cannot be watched, or the server was restarted since the
-- worker was last seen (then every session is gone, of the living too).
-- What nobody alive answers for is seen whether or not its worker was ever declared dead.
WITH holder AS MATERIALIZED (
  SELECT l.worker_id FROM durable.leasing_workers() AS l(worker_id)
)
SELECT w.id, w.pid, w.process_key, w.process_start, w.seen_at::text AS seen_at,
  (extract(epoch FROM w.expires_at - now()) * 1000)::float8 AS expires_in_ms,
  w.dead_at IS NOT NULL AS dead,
  w.dead_at IS NOT NULL AND EXISTS (SELECT FROM holder h WHERE h.worker_id = w.id) AS owes,
  CASE WHEN w.session_name IS NOT NULL AND w.seen_at > pg_postmaster_start_time()
    THEN EXISTS (SELECT FROM pg_stat_activity a WHERE a.application_name = w.session_name) END AS connected
FROM durable.workers w
WHERE w.id <> $1
UNION ALL
SELECT h.worker_id, 0, NULL, NULL, '', 0, true, true, NULL
FROM holder h
WHERE NOT EXISTS (SELECT FROM durable.workers w WHERE w.id = h.worker_id);
