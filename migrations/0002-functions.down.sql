-- Takes 0002-functions.sql back. The tables keep what they hold.
DROP FUNCTION durable.claimed_rows(uuid[], integer[], uuid[]);
DROP FUNCTION durable.claim(text, json, integer, integer);
DROP FUNCTION durable.placed_by(uuid, integer, integer);
DROP FUNCTION durable.places_taken(text, boolean);
DROP FUNCTION durable.is_vacant(text);
DROP FUNCTION durable.enter_queue(text, integer, boolean);
DROP FUNCTION durable.take_waits(integer, uuid[]);
DROP FUNCTION durable.end_due_waits(uuid[]);
DROP FUNCTION durable.active_waits(uuid[]);
DROP FUNCTION durable.send_event(uuid, text, text, text, text, uuid, boolean);
DROP FUNCTION durable.is_mailbox_full(uuid, text);
DROP FUNCTION durable.reconcile(uuid[], integer);
DROP FUNCTION durable.unsound(uuid[]);
DROP FUNCTION durable.match_waits(uuid[], uuid[], uuid[], text);
DROP FUNCTION durable.wake_run(uuid);
DROP FUNCTION durable.last_record(uuid, text);
DROP FUNCTION durable.leasing_workers();
DROP FUNCTION durable.run_status(text, text, boolean, boolean, timestamptz);
