-- Which set of tables this is.
SELECT id
FROM durable.instance;
