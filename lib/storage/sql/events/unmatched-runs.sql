-- Runs with events that were sent in callers' transactions and that nobody has looked at yet; an index that is empty most
-- of the time.
--
-- $1 integer: how many at most
SELECT DISTINCT run_id AS id
FROM durable.events
WHERE unmatched
ORDER BY run_id
LIMIT $1;
