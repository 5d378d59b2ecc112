-- Puts declarations in force; the ones before were taken out by release-declarations.sql.
--
-- $1 integer[]: which
UPDATE durable.declarations d SET in_force = true WHERE d.id = ANY ($1::integer[]) AND NOT d.in_force;
