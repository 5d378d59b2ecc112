-- Says of loose events that they are looked at: before the look (in the next statement), so that one that is committed
-- in between stays loose.
--
-- $1 uuid[]: runs that lock-free-runs.sql has locked
-- $2 uuid[]: all runs that were found; of those that have ended meanwhile the events are history
--
-- Returns the events.
UPDATE durable.events m
SET loose = false
WHERE m.loose
  AND (m.run_id = ANY ($1::uuid[])
    OR (m.run_id = ANY ($2::uuid[]) AND NOT EXISTS (SELECT FROM durable.workflow_queue q WHERE q.id = m.run_id)))
RETURNING m.run_id AS "runId", m.name, COALESCE(m.dedupe_key, m.id::text) AS key
