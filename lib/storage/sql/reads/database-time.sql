-- The time that workflows live by, in ms since 1970.
SELECT (extract(epoch FROM durable.clock()) * 1000)::float8 AS now;
