-- The migrations that the tables have had.
SELECT version FROM durable.migrations;
