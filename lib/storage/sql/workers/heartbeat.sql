-- Renews the lease of all that a worker has; no row: it was declared dead.
--
-- $1 integer: the worker
-- $2 float8: lease in ms
-- $3 text: what it runs now, as JSON; null: the same as before
-- $4 boolean: notifications reach it
UPDATE durable.workers
SET seen_at = clock_timestamp(), expires_at = clock_timestamp() + $2::float8 * interval '1 ms', in_flight = COALESCE($3, in_flight),
  listening = $4
WHERE id = $1 AND dead_at IS NULL
RETURNING (extract(epoch FROM durable.clock()) * 1000)::float8 AS now;
