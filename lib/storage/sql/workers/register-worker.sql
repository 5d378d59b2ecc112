-- Enters a process into the workers. No row: the number is taken, try again.
--
-- $1 text: host
-- $2 integer: process id
-- $3 text: what names the set of process ids that $2 belongs to, or NULL
-- $4 text: start of the process, or NULL
-- $5 text: version of this package
-- $6 text[]: queues
-- $7 integer[]: definitions
-- $8 text: application_name of its listening session, or NULL
-- $9 float8: lease in ms
-- $10 integer[]: declarations
-- $11 json: places by queue
-- $12 boolean: whether notifications reach it
INSERT INTO durable.workers (
  host, pid, process_key, process_start, version, queues, definitions, session_name, expires_at, declarations,
  capacity, listening)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::float8 * interval '1 ms', $10, $11, $12)
ON CONFLICT (id) DO NOTHING
RETURNING id, (extract(epoch FROM durable.clock()) * 1000)::float8 AS now;
