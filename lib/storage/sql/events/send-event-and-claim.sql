-- Sends an event as send-event.sql does; where that makes a run ready, the worker claims what comes first in its queue, in
-- the same transaction: as a rule that run.
--
-- $1 uuid: the run
-- $2 text: the event's name
-- $3 text: encoded payload
-- $4 text: dedupe key; NULL: none
-- $5 text: W3C traceparent of the sender; NULL: it is not traced
-- $6 uuid: the sender's number for it
-- $7 boolean: whether it may be there, since the answer to an earlier try was lost
-- $8 integer: the worker
-- $9 text[]: the queues in which it has a place free
-- $10 json: definitions that it may claim, as in claim.sql
--
-- Returns what send-event.sql does and `claimed`: what was claimed, as claim.sql gives it, a row for each of its rows; or NULL.
SELECT s.outcome, s.queue, s.paused, s.state, row_to_json(r) AS claimed
FROM durable.send_event($1, $2, $3, $4, $5, $6, $7) AS s
-- What a function has returned is an argument of the next, so that it comes after it.
LEFT JOIN LATERAL durable.claim(
  CASE WHEN s.state = 'ready' AND s.queue = ANY ($9::text[]) THEN s.queue END, $10::json, 1, $8) AS c ON true
LEFT JOIN LATERAL durable.claimed_rows(c.taken, c.taken_by, c.resumed) AS r ON true;
