-- Declares workers dead, unless they were seen meanwhile.
--   $1 json  [{id, seen_at}]
UPDATE durable.workers w
SET dead_at = now(), in_flight = '[]'
FROM json_to_recordset($1::json) AS d(id integer, seen_at text)
WHERE w.id = d.id AND w.dead_at IS NULL AND w.seen_at::text = d.seen_at;
