-- Work that stands still, for the checks of doctor. Reads every unfinished run: for people, not for the engine.
WITH alive AS (
  SELECT w.id, w.host, w.pid, w.queues, w.definitions, w.version FROM durable.workers w WHERE w.dead_at IS NULL AND w.expires_at > now()
), part AS MATERIALIZED (
  SELECT q.definition_id, count(*) AS n, count(*) FILTER (WHERE q.state IN ('ready', 'blocked') AND NOT q.paused) AS due
  FROM durable.workflow_queue q
  GROUP BY q.definition_id
)
SELECT
  (SELECT count(*)::integer FROM alive) AS workers,
  (SELECT count(*)::integer FROM durable.workers w WHERE w.dead_at IS NULL AND w.expires_at <= now()) AS silent,
  ARRAY(SELECT DISTINCT version FROM alive ORDER BY version) AS versions,
  COALESCE((
    SELECT json_agg(json_build_object('worker', b.worker, 'workflows', b.workflows) ORDER BY b.worker)
    FROM (
      SELECT a.host || ':' || a.pid AS worker, array_agg(DISTINCT d.name ORDER BY d.name) AS workflows
      FROM alive a
      JOIN durable.workflow_definitions d ON d.id = ANY (a.definitions)
      WHERE EXISTS (
        SELECT FROM alive o
        JOIN durable.workflow_definitions n ON n.id = ANY (o.definitions) AND n.name = d.name AND n.version > d.version)
      GROUP BY a.id, a.host, a.pid
    ) b), '[]') AS behind,
  (SELECT COALESCE(sum(p.n), 0)::integer FROM part p) AS unfinished,
  (SELECT count(*)::integer FROM durable.workflow_queue q
    WHERE q.worker_id IS NOT NULL AND NOT EXISTS (SELECT FROM alive a WHERE a.id = q.worker_id)) AS orphaned,
  ARRAY(SELECT DISTINCT d.name FROM part p JOIN durable.workflow_definitions d ON d.id = p.definition_id
    WHERE p.due > 0 AND NOT EXISTS (
      SELECT FROM alive a JOIN durable.workflow_definitions x ON x.id = ANY (a.definitions) WHERE x.name = d.name)
    ORDER BY d.name) AS codeless;
