-- Of these runs, those whose timeout is over and that nobody has leased, wherever they stand.
--
-- $1 uuid[]: the runs
--
-- (OFFSET 0: each is found by its id, not among all whose timeout is over, see commit-group.sql.)
--
-- One that is leased is its worker's; one that is being undone, or is to be, has no timeout any more. Returns of each what its
-- error says, the definition that it ran by last, its round, and whether a worker has a step of it on another queue.
SELECT q.id, e.workflow, e.round, q.definition_id AS "definitionId",
  round(extract(epoch FROM q.deadline_at - q.started_at) * 1000)::float8 AS timeout,
  (SELECT s.id FROM durable.workflow_queue s WHERE s.step_of = q.id AND s.worker_id IS NOT NULL LIMIT 1) IS NOT NULL AS "isAway"
FROM unnest($1::uuid[]) AS r(id)
CROSS JOIN LATERAL (
  SELECT w.* FROM durable.workflow_queue w WHERE w.id = r.id OFFSET 0
) q
CROSS JOIN LATERAL (
  SELECT x.workflow, x.round FROM durable.workflow_executions x WHERE x.id = q.id LIMIT 1
) e
WHERE q.step_of IS NULL AND q.deadline_at <= durable.clock() AND q.state <> 'running' AND q.cancel IS NULL AND NOT q.compensating;
