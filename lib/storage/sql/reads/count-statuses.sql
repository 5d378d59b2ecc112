-- Numbers of runs of each workflow in each status. Exact, and so reads an index entry of every run: some 90 ms where
-- there are a million.
--
-- No index has the status: it would make the update at a run's end touch every index. Completed runs, by far the most,
-- are what is left of all when those with an error and those unfinished are taken away; both are few. The workflows and
-- queues that runs have are stepped through in the index: one look for each.
WITH RECURSIVE kind AS (
  (SELECT e.workflow, e.queue FROM durable.workflow_executions e ORDER BY e.workflow, e.queue LIMIT 1)
  UNION ALL
  SELECT n.workflow, n.queue
  FROM kind k
  CROSS JOIN LATERAL (
    SELECT e.workflow, e.queue FROM durable.workflow_executions e
    WHERE (e.workflow, e.queue) > (k.workflow, k.queue)
    ORDER BY e.workflow, e.queue LIMIT 1
  ) n
), every AS MATERIALIZED (
  SELECT k.workflow, sum(c.n) AS n
  FROM kind k
  CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM durable.workflow_executions e WHERE e.workflow = k.workflow AND e.queue = k.queue
  ) c
  GROUP BY k.workflow
), open AS MATERIALIZED (
  SELECT q.definition_id, durable.run_status('active', q.state, q.paused, q.compensating, q.started_at) AS status,
    count(*) AS n
  FROM durable.workflow_queue q
  WHERE q.step_of IS NULL
  GROUP BY 1, 2
), known AS MATERIALIZED (
  SELECT e.workflow, e.error_status AS status, count(*) AS n
  FROM durable.workflow_executions e
  WHERE e.error IS NOT NULL AND e.error_status <> 'active'
  GROUP BY e.workflow, e.error_status
  UNION ALL
  SELECT d.name, o.status, sum(o.n)
  FROM open o
  JOIN durable.workflow_definitions d ON d.id = o.definition_id
  GROUP BY d.name, o.status
)
SELECT k.workflow, k.status, k.n::float8 AS n
FROM known k
UNION ALL
SELECT e.workflow, 'completed', (e.n - COALESCE((SELECT sum(k.n) FROM known k WHERE k.workflow = e.workflow), 0))::float8
FROM every e;
