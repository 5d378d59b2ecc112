-- Id of this set of tables.
SELECT id::text AS id
FROM durable.instance;
