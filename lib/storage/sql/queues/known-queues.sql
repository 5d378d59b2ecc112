-- The queues that somebody knows: those that living processes work on, that have settings, that stored workflows and
-- schedules name.
--
-- $1 text: only this one, also where only a step of a workflow names it; null: all
WITH named AS (
  SELECT unnest(w.queues) AS queue FROM durable.workers w WHERE w.dead_at IS NULL
  UNION SELECT queue FROM durable.queue_settings
  UNION SELECT queue FROM durable.scheduled_workflows WHERE queue IS NOT NULL
  UNION SELECT d.definition ->> 'queue' FROM durable.workflow_definitions d
  UNION
  -- The stored text is that of JSON.stringify, which puts no blanks.
  SELECT $1::text FROM durable.workflow_definitions d
  WHERE position('"queue":' || to_json($1::text)::text IN d.definition::text) > 0
)
SELECT queue FROM named WHERE $1::text IS NULL OR queue = $1 ORDER BY queue;
