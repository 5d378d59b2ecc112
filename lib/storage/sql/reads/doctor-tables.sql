-- The tables of a schema: their size, and what autovacuum has to do and did.
--
-- $1 text: the schema
SELECT s.relname AS name, s.n_live_tup::float8 AS rows, s.n_dead_tup::float8 AS dead,
  pg_total_relation_size(s.relid)::float8 AS bytes, GREATEST(s.last_autovacuum, s.last_vacuum) AS vacuumed
FROM pg_stat_user_tables s
WHERE s.schemaname = $1
ORDER BY bytes DESC, name;
