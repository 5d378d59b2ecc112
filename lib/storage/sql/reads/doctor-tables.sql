-- The tables of a schema: their size, and what autovacuum has to do and did.
--
-- $1 text: the schema
--
-- Returns (name, rows, dead, bytes, vacuumed: the last time, by whomever; unvacuumed: autovacuum is switched off for the table).
SELECT s.relname AS name, s.n_live_tup::float8 AS rows, s.n_dead_tup::float8 AS dead,
  pg_total_relation_size(s.relid)::float8 AS bytes, GREATEST(s.last_autovacuum, s.last_vacuum) AS vacuumed,
  EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions) o
    WHERE o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean
  ) AS unvacuumed
FROM pg_stat_user_tables s
JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = $1
ORDER BY bytes DESC, name;
