-- Enters a process into the workers. No row: the number is taken, try again.
--   $1 host  $2 pid  $3 process key  $4 process start  $5 version  $6 text[] queues  $7 integer[] definitions
--   $8 application_name of its listening session, or null  $9 lease in ms  $10 integer[] declarations
--   $11 json places by queue  $12 boolean notifications reach it
INSERT INTO durable.workers (
  host, pid, process_key, process_start, version, queues, definitions, session_name, expires_at, declarations,
  capacity, listening)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::float8 * interval '1 ms', $10, $11, $12)
ON CONFLICT (id) DO NOTHING
RETURNING id, (extract(epoch FROM durable.clock()) * 1000)::float8 AS now;
