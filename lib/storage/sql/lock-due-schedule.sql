-- The schedule that has been due for longest, locked. One that somebody else has locked is passed over.
--   $1 text[]  the workflows that this process knows
--   $2 text[]  names of schedules to leave alone
-- A process that is frozen with the lock must not stop the schedule: its transaction is ended by the server.
SELECT s.*, durable.clock() AS now, set_config('idle_in_transaction_session_timeout', '30s', true) AS idle_limit
FROM durable.scheduled_workflows s
WHERE s.next_run_at <= durable.clock() AND s.workflow = ANY ($1::text[]) AND s.name <> ALL ($2::text[])
ORDER BY s.next_run_at, s.name
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;
