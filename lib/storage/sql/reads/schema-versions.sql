-- The migrations that the tables have had.
SELECT version, name, checksum FROM durable.migrations;
