-- How many runs of each workflow are in each status.
--
-- No index has the status: it would make the update at a run's end touch every index. Completed runs, by far the most,
-- are what is left of all when those with an error and those unfinished are taken away; both have small indexes of
-- their own, and all are counted from executions_workflow alone: 0.1 s for 200 000 runs.
WITH every AS (
  SELECT workflow, count(*) AS n
  FROM durable.workflow_executions
  GROUP BY workflow
), known AS (
  SELECT workflow, status, count(*) AS n
  FROM durable.workflow_executions
  WHERE error IS NOT NULL AND status <> 'active'
  GROUP BY workflow, status
  UNION ALL
  SELECT d.name,
         CASE
           WHEN q.compensating AND NOT (q.paused AND q.worker_id IS NULL) THEN 'compensating'
           WHEN q.state = 'running' THEN 'running'
           WHEN q.paused THEN 'paused'
           WHEN q.state = 'sleeping' AND q.started_at IS NOT NULL THEN 'waiting'
           ELSE 'pending'
         END AS status,
         count(*)
  FROM durable.workflow_queue q
  JOIN durable.workflow_definitions d ON d.id = q.definition_id
  WHERE q.step_of IS NULL
  GROUP BY 1, 2
)
SELECT workflow, status, n::float8 AS n
FROM known
UNION ALL
SELECT e.workflow, 'completed', (e.n - coalesce((SELECT sum(k.n) FROM known k WHERE k.workflow = e.workflow), 0))::float8
FROM every e
