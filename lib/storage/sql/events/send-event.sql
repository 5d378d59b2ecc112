-- Sends an event to a run in a transaction of its own.
--
-- $1 uuid: the run
-- $2 text: the event's name
-- $3 text: encoded payload
-- $4 text: dedupe key; NULL: none
-- $5 text: W3C traceparent of the sender; NULL: it is not traced
-- $6 uuid: the sender's number for it
-- $7 boolean: whether it may be there, since the answer to an earlier try was lost
--
-- Returns `outcome` ('sent', 'duplicate', 'unknown', 'full', or the status of a run that has ended), and what the run's row in
-- the queue says where a wait of it was satisfied.
SELECT outcome, queue, paused, state
FROM durable.send_event($1, $2, $3, $4, $5, $6, $7);
