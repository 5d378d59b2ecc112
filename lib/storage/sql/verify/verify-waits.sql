-- I6: nothing sleeps through what it waits for: what the reconcile job would wake (see durable.unsound), a run or a step
-- asleep that has been due for a minute although workers live that would wake it, and waits that outlive their run.
--
-- $1 integer: how many violations at most
--
-- What wakes a run is written with what it waits for, so that no snapshot shows one without the other; only what is due
-- has to be noticed by a worker, and has a minute for it.
SELECT u.run AS run_id, CASE u.what
    WHEN 'event' THEN 'has an open wait, and the event is in its mailbox'
    WHEN 'child' THEN 'waits for a child that has ended or is gone'
    WHEN 'due' THEN 'has an open wait that is over, and sleeps on'
    WHEN 'ended' THEN 'sleeps although a wait of it has ended'
    WHEN 'blocked' THEN 'waits for a place of a key that is none of its workflow'
    ELSE 'sleeps and waits for nothing' END AS what
FROM durable.unsound(ARRAY(SELECT q.id FROM durable.workflow_queue q WHERE q.step_of IS NULL)) u
WHERE u.what <> 'over'
UNION ALL
SELECT COALESCE(q.step_of, q.id), format('sleeps in queue "%s", was due %s ago, and a worker lives that should have woken it',
  q.queue, -- (No infinite intervals before PostgreSQL 17.)
  date_trunc('second', durable.clock() - GREATEST(q.due_at, 'epoch')))
FROM durable.workflow_queue q
WHERE q.state = 'sleeping' AND q.due_at < durable.clock() - interval '1 minute'
  AND EXISTS (
    SELECT FROM durable.workers w
    WHERE w.dead_at IS NULL AND w.expires_at > now() AND w.started_at < now() - interval '1 minute')
UNION ALL
SELECT w.run_id, format('is %s, and a wait of %s is still %s', COALESCE(e.status, 'gone'), w.path,
  CASE w.state WHEN 'open' THEN 'open' ELSE 'there' END)
FROM durable.waits w
LEFT JOIN durable.workflow_executions e ON e.id = w.run_id
WHERE e.id IS NULL OR (w.state = 'open' AND e.status <> 'active')
LIMIT $1;
