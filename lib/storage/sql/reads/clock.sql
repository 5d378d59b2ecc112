-- The time that workflows live by.
SELECT durable.clock() AS now;
