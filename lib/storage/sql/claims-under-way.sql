-- The engine's transactions that are writing to the queue at this moment, this one left out. What began before a pause
-- was committed may not have seen it; when none of those is left, nothing more is claimed.
SELECT DISTINCT l.virtualtransaction AS id
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation'
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND l.relation = 'durable.workflow_queue'::regclass
  AND l.granted
  AND l.pid <> pg_backend_pid()
  AND l.mode = 'RowExclusiveLock'
  AND a.application_name IN ('nest-durable:claims', 'nest-durable:pool', 'nest-durable:writer')
