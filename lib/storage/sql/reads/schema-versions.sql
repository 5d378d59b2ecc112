-- The migrations that the tables have had, in their order.
SELECT version, name, checksum FROM durable.migrations ORDER BY version;
