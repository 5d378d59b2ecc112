-- Asks for runs that an earlier statement has locked to be undone: whoever has the run, or claims it next, begins the
-- rollback. Paused and sleeping ones become claimable.
--
-- $1 uuid[]: the runs
-- $2 text[]: of each the encoded StoredError that says why
--
-- Returns each with its queue and whether a worker has it.
UPDATE durable.workflow_queue q
SET cancel = o.error,
    paused = false,
    state = CASE WHEN q.state = 'running' THEN 'running' ELSE 'ready' END,
    -- What waits for its turn already goes on waiting for it.
    due_at = CASE WHEN q.state = 'sleeping' OR q.paused THEN durable.clock() ELSE q.due_at END,
    -- One that is leased is not parked before its worker has looked.
    wake = (q.state = 'running')
FROM unnest($1::uuid[], $2::text[]) AS o(id, error)
WHERE q.id = ANY (ARRAY[o.id])
RETURNING q.id, q.queue, q.worker_id IS NOT NULL AS leased;
