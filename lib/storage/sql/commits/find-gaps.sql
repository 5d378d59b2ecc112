-- Operations that build on rows that are not there, where that is more than one record: see `after` in commit-group.sql.
--
-- $1 json: [{id, run, records, wait}]: all of `records`, and the wait, or null
SELECT o.id
FROM json_to_recordset($1::json) AS o(id uuid, run uuid, records bigint[], wait uuid)
WHERE cardinality(o.records) <> (
    SELECT count(*) FROM durable.step_executions s WHERE s.run_id = o.run AND s.seq = ANY (o.records))
  OR (o.wait IS NOT NULL AND (
    SELECT w.id FROM durable.waits w WHERE w.run_id = o.run AND w.id = o.wait LIMIT 1) IS NULL);
