-- Locks the runs that may be waiting for runs that are about to end, and says which are locked by somebody: their
-- children's ends go into a later group, nobody waits.
--   $1 uuid[]  parents
WITH locked AS MATERIALIZED (
  SELECT p.id
  FROM unnest($1::uuid[]) AS p(id)
  CROSS JOIN LATERAL (
    SELECT FROM durable.workflow_queue q WHERE q.id = p.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
  ) l
)
SELECT q.id
FROM unnest($1::uuid[]) AS p(id)
CROSS JOIN LATERAL (SELECT w.id FROM durable.workflow_queue w WHERE w.id = p.id LIMIT 1) q
WHERE NOT EXISTS (SELECT FROM locked WHERE locked.id = q.id);
