-- I8: a due time of a schedule has one run, and none is passed over. That a key has one run the table itself sees to; here
-- the key must be that of the due time.
--
-- $1 integer: how many violations at most
--
-- A schedule whose start has failed is tried again later and later; of one that nobody can start nothing is said.
WITH fired AS (
  SELECT e.id, e.schedule_time, e.idempotency_key,
    -- As JavaScript writes it, in a key: what stands there need not be a time at all.
    to_char(e.schedule_time AT TIME ZONE 'UTC', ':YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS due
  FROM durable.workflow_executions e
  -- A retry is for the due time of the run that it does again.
  WHERE e.schedule_time IS NOT NULL AND e.retry_of IS NULL
)
SELECT f.id AS run_id, format('is of due time %s and has key %s: its due time may have another run', f.schedule_time,
  COALESCE(f.idempotency_key, 'none')) AS what
FROM fired f
WHERE right(f.idempotency_key, length(f.due)) IS DISTINCT FROM f.due
UNION ALL
SELECT NULL, format('schedule "%s" was due at %s, and a worker lives that should have started %s', s.name, s.next_run_at,
  s.workflow)
FROM durable.scheduled_workflows s
WHERE s.next_run_at < durable.clock() - interval '1 minute' AND s.consecutive_failures = 0
  AND EXISTS (
    SELECT FROM durable.workers w
    JOIN durable.workflow_definitions d ON d.id = ANY (w.definitions)
    WHERE d.name = s.workflow AND w.dead_at IS NULL AND w.expires_at > now()
      AND w.started_at < now() - interval '1 minute')
LIMIT $1;
