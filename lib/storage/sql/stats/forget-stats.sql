-- Deletes figures of one grain that are older than they are kept.
--
-- $1 smallint: grain
-- $2 float8: ms
DELETE FROM durable.run_stats WHERE grain = $1 AND at < durable.clock() - $2::float8 * interval '1 ms';
