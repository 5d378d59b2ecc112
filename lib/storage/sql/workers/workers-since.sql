-- Since when another living worker has had the code of a workflow, ms by the clock of workflows; null: none has it.
--
-- $1 integer: the worker that asks
-- $2 text: the workflow
SELECT (extract(epoch FROM durable.clock() - (now() - min(w.started_at))) * 1000)::float8 AS since
FROM durable.workers w
WHERE w.id <> $1 AND w.dead_at IS NULL AND w.expires_at > now()
  AND EXISTS (SELECT FROM durable.workflow_definitions d WHERE d.name = $2 AND d.id = ANY (w.definitions));
