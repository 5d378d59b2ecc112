-- Sends an event as send-event.sql does; a run that it wakes is held by a worker in the same transaction.
--
-- $1 to $7: as in send-event.sql
-- $8 integer: the worker
-- $9 text[]: the queues in which it has a place free
-- $10 json: definitions that it may claim: [{id, run_as}]
--
-- Returns what send-event.sql does and `held`: the run as claim.sql gives it, or NULL.
SELECT s.outcome, s.queue, s.paused, s.state, row_to_json(h) AS held
FROM durable.send_event($1, $2, $3, $4, $5, $6, $7) AS s
-- What the first function has returned is an argument of the second, so that it comes after it.
LEFT JOIN LATERAL durable.hold_run(CASE WHEN s.state = 'ready' THEN $1::uuid END, $8, $9::text[], $10::json) AS h ON true
