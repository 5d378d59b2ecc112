-- Takes 0007-no-jit.sql back.
ALTER FUNCTION durable.match_waits(uuid[]) RESET jit;
ALTER FUNCTION durable.wake_run(uuid) RESET jit;
ALTER FUNCTION durable.send_event(uuid, text, text, text, text) RESET jit;
ALTER FUNCTION durable.active_waits(uuid[]) RESET jit;
ALTER FUNCTION durable.take_waits(integer, uuid[]) RESET jit;
