-- Deletes rows of the audit that are older than they are kept, the oldest first.
--
-- $1 timestamptz: those before
-- $2 integer: at most
WITH old AS (
  SELECT a.id FROM durable.audit a WHERE a.at < $1 ORDER BY a.at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM durable.audit a USING old WHERE a.id = old.id
RETURNING a.id;
