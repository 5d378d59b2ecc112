-- I11: nothing is left open. No session of the engine that has touched these tables, or has an advisory lock, stands idle
-- in its transaction or waits for a lock for longer than any statement of its may take (30 s); none keeps an advisory
-- lock between its transactions.
--
-- $1 integer: how many violations at most
SELECT NULL::uuid AS run_id, format('session %s (%s) is %s for %s', a.pid, a.application_name,
  CASE
    WHEN a.wait_event_type = 'Lock' THEN 'waiting for a lock'
    WHEN a.state = 'idle' THEN 'idle with an advisory lock'
    ELSE a.state END,
  date_trunc('second', clock_timestamp() - a.state_change)) AS what
FROM pg_stat_activity a
CROSS JOIN LATERAL (
  SELECT bool_or(l.locktype = 'advisory') AS advisory
  FROM pg_locks l
  WHERE l.pid = a.pid AND (l.locktype = 'advisory'
    OR l.relation IN ('durable.workflow_queue'::regclass, 'durable.workflow_executions'::regclass))
) has
WHERE a.datname = current_database() AND a.application_name LIKE 'nest-durable:%'
  AND clock_timestamp() - a.state_change > interval '40 s'
  AND (has.advisory OR (has.advisory IS NOT NULL AND (a.state LIKE 'idle in transaction%' OR a.wait_event_type = 'Lock')))
  AND (a.state LIKE 'idle%' OR a.wait_event_type = 'Lock')
LIMIT $1;
