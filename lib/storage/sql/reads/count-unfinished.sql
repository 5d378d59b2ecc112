-- Numbers of unfinished runs of each version of a workflow in each status.
SELECT d.name AS workflow, d.version, o.status, o.n::float8 AS n
FROM (
  SELECT q.definition_id, durable.run_status('active', q.state, q.paused, q.compensating, q.started_at) AS status,
    count(*) AS n
  FROM durable.workflow_queue q
  WHERE q.step_of IS NULL
  GROUP BY 1, 2
) o
JOIN durable.workflow_definitions d ON d.id = o.definition_id;
