-- Declares workers dead, unless they were seen meanwhile. One that somebody else is declaring dead is left to them.
--
-- $1 json: [{id, seen_at}]
UPDATE durable.workers w
SET dead_at = now(), in_flight = '[]'
FROM (
  SELECT o.id
  FROM json_to_recordset($1::json) AS d(id integer, seen_at text)
  JOIN durable.workers o ON o.id = d.id AND o.dead_at IS NULL AND o.seen_at::text = d.seen_at
  FOR NO KEY UPDATE OF o SKIP LOCKED
) d
WHERE w.id = d.id;
