-- Asks for runs that lock-runs.sql has locked to be cancelled and what they did undone: whoever has the run, or claims it
-- next, begins the rollback. Paused and sleeping ones become claimable.
--
-- $1 uuid[]: the runs
-- $2 text: encoded StoredError
--
-- Returns each with its queue and whether a worker has it.
UPDATE durable.workflow_queue q
SET cancel = $2,
    paused = false,
    state = CASE WHEN q.state = 'running' THEN 'running' ELSE 'ready' END,
    -- What waits for its turn already goes on waiting for it.
    due_at = CASE WHEN q.state = 'sleeping' OR q.paused THEN durable.clock() ELSE q.due_at END,
    -- One that is held is not parked before its holder has looked.
    wake = (q.state = 'running')
WHERE q.id = ANY ($1::uuid[])
RETURNING q.id, q.queue, q.worker_id IS NOT NULL AS held
