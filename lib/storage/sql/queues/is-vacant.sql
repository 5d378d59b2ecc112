-- True when no transaction that may claim from a paused queue is under way.
--
-- $1 text: queue
SELECT durable.is_vacant($1) AS vacant;
