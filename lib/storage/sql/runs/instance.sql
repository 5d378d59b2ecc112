-- Id of this set of tables.
SELECT id
FROM durable.instance;
