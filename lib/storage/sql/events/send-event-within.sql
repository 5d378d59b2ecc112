-- Puts an event into the mailbox in a caller's transaction. Locks no run, so that no run waits for that transaction: the
-- event is `unmatched` until match-waits.sql, after the commit, has looked whether a wait asks for it. The run's key alone is
-- shared, which keeps retention from deleting it before the commit: the event would be left of a run that is gone.
--
-- $1 uuid: the run
-- $2 text: the event's name
-- $3 text: encoded payload
-- $4 text: dedupe key; NULL: none
-- $5 text: W3C traceparent of the sender; NULL: it is not traced
--
-- Returns `outcome`: 'sent', 'duplicate', 'full', or the status of a run that has ended. No row: there is no such run.
WITH sent AS (
  INSERT INTO durable.events (run_id, sent_at, unmatched, name, dedupe_key, payload, traceparent)
  SELECT e.id, durable.clock(), true, $2, $4, $3, $5
  FROM (
    SELECT x.id FROM durable.workflow_executions x WHERE x.id = $1 AND x.status = 'active' FOR KEY SHARE
  ) e
  WHERE NOT durable.is_mailbox_full($1, $2)
  ON CONFLICT (run_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
  RETURNING id
)
SELECT CASE
    WHEN EXISTS (SELECT FROM sent) THEN 'sent'
    -- A repeated delivery stays one, also after the run's end.
    WHEN EXISTS (SELECT FROM durable.events m WHERE m.run_id = $1 AND m.dedupe_key = $4) THEN 'duplicate'
    WHEN e.status = 'active' THEN CASE WHEN durable.is_mailbox_full($1, $2) THEN 'full' ELSE 'duplicate' END
    ELSE e.status
  END AS outcome
FROM durable.workflow_executions e
WHERE e.id = $1;
