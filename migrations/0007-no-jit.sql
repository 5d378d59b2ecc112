-- Functions that the server never compiles.

-- They do without scans and hash joins. Before PostgreSQL 18 a plan that needs one all the same (a table too small for an
-- index to be of use, a list) counts as so dear that the server compiles it: 200 ms for a statement of 1 ms.
ALTER FUNCTION durable.match_waits(uuid[]) SET jit = off;
ALTER FUNCTION durable.wake_run(uuid) SET jit = off;
ALTER FUNCTION durable.send_event(uuid, text, text, text, text) SET jit = off;
ALTER FUNCTION durable.active_waits(uuid[]) SET jit = off;
ALTER FUNCTION durable.take_waits(integer, uuid[]) SET jit = off;
