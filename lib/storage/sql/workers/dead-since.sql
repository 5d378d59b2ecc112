-- Workers that were declared dead of late: what they committed last, they may have told nobody.
--
-- $1 float8: how many ms back
--
-- Returns for how many ms each had not been seen. One that has left in order was seen until then.
SELECT id, (extract(epoch FROM now() - seen_at) * 1000)::float8 AS "unseenMs"
FROM durable.workers
WHERE dead_at >= now() - $1 * interval '1 ms' AND dead_at > seen_at;
