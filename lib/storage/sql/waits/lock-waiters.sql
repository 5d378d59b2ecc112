-- Locks what stands between a run's end and the waits for it, and says of which of the runs something is locked by
-- somebody: what is about them goes into a later group, nobody waits.
--
-- $1 uuid[]: runs that are about to end, and that others may be waiting for
-- $2 uuid[]: runs that are about to be waited for
--
-- Who ends a run locks those that wait for it, then its row in history. Who waits for a run that was there before locks that
-- row, shared, and then looks whether it has ended. So one of the two always sees the other.
WITH waiter AS MATERIALIZED (
  SELECT e.id AS ends, w.run_id
  FROM unnest($1::uuid[]) AS e(id)
  CROSS JOIN LATERAL (
    SELECT DISTINCT v.run_id FROM durable.waits v WHERE v.child_id = e.id AND v.active AND v.state = 'open'
  ) w
), locked AS MATERIALIZED (
  SELECT o.run_id
  FROM (SELECT DISTINCT run_id FROM waiter ORDER BY run_id) o
  CROSS JOIN LATERAL (
    SELECT FROM durable.workflow_queue q WHERE q.id = o.run_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
  ) l
), shared AS MATERIALIZED (
  SELECT a.id
  FROM unnest($2::uuid[]) AS a(id)
  CROSS JOIN LATERAL (
    SELECT FROM durable.workflow_executions x WHERE x.id = a.id LIMIT 1 FOR SHARE SKIP LOCKED
  ) l
)
SELECT w.ends AS id
FROM waiter w
WHERE NOT EXISTS (SELECT FROM locked l WHERE l.run_id = w.run_id)
  AND (SELECT q.id FROM durable.workflow_queue q WHERE q.id = w.run_id LIMIT 1) IS NOT NULL
UNION
SELECT a.id
FROM unnest($2::uuid[]) AS a(id)
WHERE NOT EXISTS (SELECT FROM shared s WHERE s.id = a.id)
  AND (SELECT x.id FROM durable.workflow_executions x WHERE x.id = a.id LIMIT 1) IS NOT NULL;
