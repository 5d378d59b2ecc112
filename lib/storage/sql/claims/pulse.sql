-- Looks for work for an idle process, in one statement.
--
-- $1 integer: the worker
-- $2 text: what names its set of process ids, or null
-- $3 text[]: its queues
-- $4 integer[]: definitions that it may claim
-- $5 text[]: the workflows that it knows
--
-- Each part is one probe of an index that holds little or nothing while there is nothing to do.
WITH holder AS MATERIALIZED (
  SELECT l.worker_id FROM durable.leasing_workers() AS l(worker_id)
)
SELECT
  ARRAY(
    SELECT k.queue FROM unnest($3::text[]) AS k(queue)
    WHERE EXISTS (
      SELECT FROM unnest($4::integer[]) AS d(id)
      CROSS JOIN LATERAL (
        SELECT q.id FROM durable.workflow_queue q
        WHERE q.queue = k.queue AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused
        LIMIT 1
      ) one)
  ) AS ready_queues,
  (extract(epoch FROM LEAST(
    (SELECT q.due_at FROM durable.workflow_queue q
     WHERE q.state = 'sleeping' AND q.due_at < 'infinity'
     ORDER BY q.due_at LIMIT 1),
    (SELECT q.deadline_at FROM durable.workflow_queue q
     WHERE q.deadline_at IS NOT NULL
       AND q.state <> 'running' AND q.step_of IS NULL AND q.cancel IS NULL AND NOT q.compensating
     ORDER BY q.deadline_at LIMIT 1)
  ) - durable.clock()) * 1000)::float8 AS next_due_in_ms,
  EXISTS (SELECT FROM durable.events WHERE unmatched) AS unmatched,
  (extract(epoch FROM (
    SELECT min(s.next_run_at) FROM durable.scheduled_workflows s WHERE s.workflow = ANY ($5::text[])
  ) - durable.clock()) * 1000)::float8 AS next_schedule_in_ms,
  (SELECT COALESCE(json_agg(json_build_object('queue', s.queue, 'paused', s.paused_at IS NOT NULL,
      'limited', s.global_concurrency IS NOT NULL OR s.rate_limit IS NOT NULL) ORDER BY s.queue), '[]')
   FROM durable.queue_settings s) AS states,
  EXISTS (SELECT FROM durable.workflow_queue q WHERE q.state = 'blocked' AND NOT q.paused) AS blocked,
  EXISTS (SELECT FROM durable.workflow_queue q WHERE q.id >= '00000000-0000-0000-0000-000000000000') AS unfinished,
  EXISTS (SELECT FROM holder h WHERE h.worker_id <> $1) AS leased_elsewhere,
  (SELECT COALESCE(json_agg(json_build_object('id', w.id, 'seenAt', w.seen_at::text,
      'expiresInMs', extract(epoch FROM w.expires_at - now()) * 1000, 
      'queues', ARRAY(SELECT unnest(w.queues) INTERSECT SELECT unnest($3::text[])),
      'alike', COALESCE(w.definitions = me.definitions, false), 'listening', w.listening AND w.expires_at > now())), '[]')
   FROM durable.workers w
   LEFT JOIN durable.workers me ON me.id = $1
   WHERE w.id <> $1 AND w.dead_at IS NULL) AS peers,
  EXISTS (
    SELECT FROM holder h
    WHERE NOT EXISTS (SELECT FROM durable.workers w WHERE w.id = h.worker_id AND w.dead_at IS NULL)
  ) OR EXISTS (
    SELECT FROM durable.workers w
    WHERE w.id <> $1 AND w.dead_at IS NULL
      AND CASE
        WHEN w.expires_at < now() THEN true
        -- A neighbour on this machine whose session cannot be watched: whether its process lives only a look tells.
        WHEN w.session_name IS NULL THEN w.process_key = $2
        ELSE w.seen_at > pg_postmaster_start_time()
          AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.application_name = w.session_name)
      END
  ) AS suspects;
