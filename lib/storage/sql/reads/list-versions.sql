-- The stored definitions of a workflow, or of all, by name, the newest version first, with the living workers whose code it is.
--
-- $1 text: name of the workflow; NULL: all
WITH living AS (
  SELECT u.id, count(*)::integer AS n
  FROM durable.workers w CROSS JOIN LATERAL unnest(w.definitions) AS u (id)
  WHERE w.dead_at IS NULL AND w.expires_at > now()
  GROUP BY u.id
)
SELECT d.name, d.version, d.first_seen, d.last_seen, COALESCE(l.n, 0) AS workers
FROM durable.workflow_definitions d
LEFT JOIN living l ON l.id = d.id
WHERE $1::text IS NULL OR d.name = $1
ORDER BY d.name, d.version DESC;
