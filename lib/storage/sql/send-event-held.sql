-- Sends an event as send-event.sql does; a run that it wakes is held by a worker in the same transaction.
--
-- $1 uuid, $2 text, $3 text, $4 text, $5 text: as in send-event.sql
-- $6 integer: the worker
-- $7 text[]: the queues in which it has a place free
-- $8 json: definitions that it may claim: [{id, run_as}]
--
-- Returns what send-event.sql does and `held`: the run as claim.sql gives it, or NULL.
SELECT s.outcome, s.queue, s.paused, s.state, row_to_json(h) AS held
FROM durable.send_event($1, $2, $3, $4, $5) AS s
-- What the first function has returned is an argument of the second, so that it comes after it.
LEFT JOIN LATERAL durable.hold_run(CASE WHEN s.state = 'ready' THEN $1::uuid END, $6, $7::text[], $8::json) AS h ON true
