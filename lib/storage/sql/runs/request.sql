-- Writes down that a change is made, as the first statement of the transaction that makes it. No row: it was made. A try that
-- is still under way in the server is waited for.
--
-- $1 uuid: the request
--
-- What is old goes with it, a few rows at a time: nobody asks after an hour.
WITH old AS (
  SELECT r.id
  FROM (SELECT id FROM durable.requests ORDER BY id LIMIT 8) first
  JOIN durable.requests r ON r.id = first.id AND r.made_at < now() - interval '1 hour'
  FOR UPDATE OF r SKIP LOCKED
), gone AS (
  DELETE FROM durable.requests r USING old WHERE r.id = old.id
)
INSERT INTO durable.requests (id) VALUES ($1) ON CONFLICT (id) DO NOTHING RETURNING id;
