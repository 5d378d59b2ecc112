-- Takes ready rows of one queue, by rank.
--
-- $1 text: queue
-- $2 json: definitions that may be claimed: [{id, run_as, timeout}] (timeout in ms, or null)
-- $3 integer: how many
-- $4 integer: the worker
-- $5 boolean: whether it gives what suspended runs need to go on, too
SELECT r.*
FROM durable.claim($1, $2, $3, $4) AS c
CROSS JOIN LATERAL durable.claimed_rows(c.taken, c.taken_by, CASE WHEN $5 THEN c.resumed END) AS r;
