-- Takes 0007-held-at-once.sql back.
DROP FUNCTION durable.hold_run(uuid, integer, text[], json);
