-- Finished runs that may be deleted as far as they go themselves, out of the next stretch of history.
--
-- $1 uuid: after this id
-- $2 uuid: up to this id
-- $3 text[]: statuses
-- $4 timestamptz: ended then or before
-- $5 integer: rows looked at, at most
-- $6 boolean: whether completed runs are among the statuses
-- $7 bigint: without these: started after this time (us since 1970), or then and with an id after $1
--
-- No index has the status or the end: it would make the update at a run's end touch every index. Ids are in the order of
-- the starts, so history is read along its primary key, a bounded stretch a statement, and the caller leaves out the
-- ids that are too young. Without completed runs the index of those with an error serves, which is short and goes by the
-- time of the start: what was started after $4 has not ended by then.
--
-- A run never goes before its parent has ended: the parent may call it again and must find it. What was seen to be finished
-- stays finished. What is below a run is looked up by runs-below.sql.
--
-- Returns a row for each such run; and one with `id` null that says how far this stretch went ("last", null at the end, and
-- "at").
WITH stretch AS MATERIALIZED (
  (SELECT e.id, e.created_at, e.status, e.completed_at, e.parent_id
   FROM durable.workflow_executions e
   WHERE $6 AND e.id > $1 AND e.id <= $2
   ORDER BY e.id LIMIT $5)
  UNION ALL
  (SELECT e.id, e.created_at, e.status, e.completed_at, e.parent_id
   FROM durable.workflow_executions e
   WHERE NOT $6 AND e.error IS NOT NULL AND e.created_at <= $4
     AND (e.created_at, e.id) > ('epoch'::timestamptz + $7::bigint * interval '1 microsecond', $1)
   ORDER BY e.created_at, e.id LIMIT $5)
), last AS MATERIALIZED (
  SELECT s.id, (extract(epoch FROM s.created_at) * 1000000)::bigint AS at
  FROM stretch s
  ORDER BY CASE WHEN NOT $6 THEN s.created_at END DESC, s.id DESC LIMIT 1
)
SELECT s.id, s.parent_id AS parent, NULL::uuid AS last, NULL::text AS at
FROM stretch s
WHERE s.status = ANY ($3::text[]) AND s.completed_at <= $4
  AND NOT EXISTS (SELECT FROM durable.workflow_queue q WHERE q.id = s.parent_id)
UNION ALL
SELECT NULL, NULL, last.id, last.at::text
FROM (SELECT count(*) AS n FROM stretch) seen
LEFT JOIN last ON seen.n >= $5;
