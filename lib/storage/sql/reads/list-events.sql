-- The mailbox of a run, in the order sent, with the wait that each event was given to.
--
-- $1 uuid: the run
-- $2 boolean: only those that no wait has taken
-- $3 bigint: those after this one; 0: from the first
-- $4 integer: at most
SELECT e.id::text AS id, e.name, e.sent_at, e.dedupe_key, w.path
FROM durable.events e
LEFT JOIN durable.waits w ON w.run_id = e.run_id AND w.id = e.wait_id
WHERE e.run_id = $1 AND e.id > $3 AND (NOT $2::boolean OR e.wait_id IS NULL)
ORDER BY e.id
LIMIT $4;
