-- What was sent to a run, with payloads, in the order sent.
--
-- $1 uuid: the run
-- $2 integer: how many
SELECT e.name, e.sent_at, e.dedupe_key, e.payload
FROM durable.events e
WHERE e.run_id = $1
ORDER BY e.id
LIMIT $2;
