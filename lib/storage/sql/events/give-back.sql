-- Puts the events that runs have taken back into their mailboxes, in the transaction that begins a further round of them:
-- its steps ask for the same events. They keep their order, and stand before those sent since. The runs' rows are locked.
--
-- $1 uuid[]: runs
UPDATE durable.events SET wait_id = NULL WHERE run_id = ANY ($1::uuid[]) AND wait_id IS NOT NULL;
