-- For each workflow and queue the latest declaration of those that living workers have. (Living: nobody has declared it
-- dead. A lease that looks expired may only say that the server's clock was set forward.)
--
-- $1 integer[]: declarations of a process that is not among the workers
-- $2 boolean: whether these count as a worker's; else only where no living worker has one for the subject
-- $3 boolean: whether the bodies are wanted
WITH living AS MATERIALIZED (
  SELECT unnest(w.declarations) AS id
  FROM durable.workers w
  WHERE w.dead_at IS NULL
  UNION
  SELECT unnest($1::integer[]) WHERE $2
)
SELECT DISTINCT ON (d.kind, d.subject) d.id, d.kind, d.subject, d.in_force, CASE WHEN $3 THEN d.body END AS body
FROM (SELECT id, true AS lives FROM living UNION ALL SELECT unnest($1::integer[]), $2) c
JOIN durable.declarations d ON d.id = c.id
ORDER BY d.kind, d.subject, c.lives DESC, d.definition_id DESC, d.id DESC;
