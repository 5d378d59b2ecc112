-- The stored definitions of a workflow, the newest version first, with the unfinished runs that have each and the living
-- workers whose code it is. Counts the unfinished runs of the workflow.
--
-- $1 text: name of the workflow
SELECT d.version, d.first_seen, d.last_seen,
  (SELECT count(*)::integer FROM durable.workflow_queue q WHERE q.definition_id = d.id AND q.step_of IS NULL) AS unfinished,
  (SELECT count(*)::integer FROM durable.workers w
   WHERE w.dead_at IS NULL AND w.expires_at > now() AND d.id = ANY (w.definitions)) AS workers
FROM durable.workflow_definitions d
WHERE d.name = $1
ORDER BY d.version DESC;
