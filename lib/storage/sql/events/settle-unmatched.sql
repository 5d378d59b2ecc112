-- Marks unmatched events as looked at: before the look (in the next statement), so that one that is committed
-- in between stays unmatched.
--
-- $1 uuid[]: runs that lock-free-runs.sql has locked
-- $2 uuid[]: all runs that were found; of those that have ended meanwhile the events are history, and what somebody else
--   is saying so of is left to them
--
-- Returns the events.
UPDATE durable.events m
SET unmatched = false
FROM (
  SELECT e.run_id, e.id
  FROM durable.events e
  WHERE e.unmatched
    AND (e.run_id = ANY ($1::uuid[])
      OR (e.run_id = ANY ($2::uuid[]) AND NOT EXISTS (SELECT FROM durable.workflow_queue q WHERE q.id = e.run_id)))
  ORDER BY e.run_id, e.id
  FOR NO KEY UPDATE SKIP LOCKED
) f
WHERE m.run_id = f.run_id AND m.id = f.id
RETURNING m.run_id AS "runId", m.name, COALESCE(m.dedupe_key, m.request::text, m.id::text) AS key;
