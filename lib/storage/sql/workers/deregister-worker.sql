-- A worker leaves in order: what it still has leased is claimable at once, and was not a recovery. Its row stays for a while
-- as that of a dead one (seen until it died, unlike one that was declared dead): a commit of it that lands later, or a
-- row that somebody has locked just now, is recovered by the others.
--
-- $1 integer: the worker
WITH leased AS MATERIALIZED (
  SELECT q.id FROM durable.workflow_queue q WHERE q.worker_id = $1 FOR NO KEY UPDATE SKIP LOCKED
), released AS (
  UPDATE durable.workflow_queue q
  SET state = 'ready', worker_id = NULL, due_at = durable.clock()
  FROM leased
  WHERE q.id = leased.id
  RETURNING q.queue
), gone AS (
  UPDATE durable.workers SET seen_at = now(), dead_at = now(), in_flight = '[]' WHERE id = $1 AND dead_at IS NULL
)
SELECT DISTINCT queue FROM released;
