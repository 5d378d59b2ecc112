-- For how many ms the next claimable row of these queues has been due; queues that are paused have none.
--
-- $1 text[]: queues
-- $2 integer[]: definitions
--
-- One probe of queue_claim for each queue and definition: of the row that is next, which is the oldest unless priorities
-- differ.
SELECT GREATEST(0, max(extract(epoch FROM durable.clock() - next.due_at) * 1000))::float8 AS lag
FROM unnest($1::text[]) AS u(queue)
CROSS JOIN unnest($2::integer[]) AS d(id)
CROSS JOIN LATERAL (
  SELECT q.due_at FROM durable.workflow_queue q
  WHERE q.queue = u.queue AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused AND q.due_at < 'infinity'
  ORDER BY q.rank, q.id LIMIT 1
) next
WHERE NOT EXISTS (SELECT FROM durable.queue_settings s WHERE s.queue = u.queue AND s.paused_at IS NOT NULL);
