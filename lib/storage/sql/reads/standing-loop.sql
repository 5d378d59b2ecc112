-- Progress of loops in a round: their items, those that have ended, failed ones among them, and those of the last minute.
--
-- $1 json: calls: [{n, id, round, path, places}]: number of the call, the run, the round, path of the loop, and its LoopPlaces:
--   {ends, fails, counted, settles}
--
-- Of the last twenty thousand records of one run; for many loops the number is shared. No row: none of these is the selector's
-- or of an item's first step, which names it. `records`: how many there are since the selector's, `looked`: how many of them were
-- looked at.
WITH look AS MATERIALIZED (SELECT greatest(400, 20000 / greatest(1, json_array_length($1::json))) AS most)
SELECT c.n, t.*
FROM json_to_recordset($1::json) AS c(n integer, id uuid, round integer, path text, places json)
CROSS JOIN LATERAL (
  WITH place AS MATERIALIZED (
    SELECT ARRAY(SELECT json_array_elements_text(p.ends)) AS ends, ARRAY(SELECT json_array_elements_text(p.fails)) AS fails,
      ARRAY(SELECT json_array_elements_text(p.counted)) AS counted, ARRAY(SELECT json_array_elements_text(p.settles)) AS settles
    FROM json_to_record(c.places) AS p(ends json, fails json, counted json, settles json)
  ), last AS MATERIALIZED (
    SELECT s.seq, s.input_seq, s.input_item, s.completed_at, s.round, s.type, s.status, s.path, s.facts,
      s.status = 'failed' AND s.retry_at IS NULL AS lost,
      CASE WHEN starts_with(s.path, c.path || '[')
        THEN substr(s.path, length(c.path) + 3 + strpos(substr(s.path, length(c.path) + 2), ']')) END AS within
    FROM durable.step_executions s
    WHERE s.run_id = c.id
    ORDER BY s.seq DESC
    LIMIT (SELECT l.most FROM look l)
  ), loop AS MATERIALIZED (
    SELECT s.seq, COALESCE((s.facts::json ->> 'items')::integer, 0) AS items
    FROM durable.step_executions s
    WHERE s.run_id = c.id AND s.path = c.path AND s.type = 'forEach' AND s.seq = (
      SELECT max(CASE WHEN l.within IS NULL THEN l.seq ELSE l.input_seq END)
      FROM last l
      WHERE l.round = c.round AND (l.path = c.path AND l.type = 'forEach' AND l.status = 'completed'
        OR l.input_item IS NOT NULL AND strpos(l.within, '[') = 0))
  ), record AS (
    SELECT l.completed_at, l.type, l.status, l.facts, l.lost, split_part(substr(l.path, length(c.path) + 2), ']', 1) AS index,
      CASE WHEN strpos(l.within, '[') = 0 THEN l.within ELSE regexp_replace(l.within, '\[\d+\]', '[]', 'g') END AS place
    FROM last l
    WHERE l.seq > (SELECT o.seq FROM loop o) AND l.round = c.round AND l.within IS NOT NULL
      AND l.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'gather')
  ), item AS (
    SELECT max(r.completed_at) AS at, bool_or(r.lost AND r.place = ANY (p.fails)) AS failed,
      COALESCE(
        count(*) FILTER (WHERE r.status = 'completed' AND CASE
              WHEN r.type = 'forEach' THEN r.place = ANY (p.counted[2:])
              ELSE r.place = ANY (p.ends) AND (r.facts IS NULL OR r.facts::json ->> 'goto' IS NULL) END
            OR r.lost AND r.place = ANY (p.settles))
          >= CASE WHEN p.counted = '{}' THEN 1
            ELSE sum((r.facts::json ->> 'items')::integer) FILTER (
              WHERE r.status = 'completed' AND r.type = 'forEach' AND r.place = ANY (p.counted)) END,
        false) AS ended
    FROM record r, place p
    GROUP BY r.index, p.counted
  )
  SELECT o.items, (m.newest - o.seq)::float8 AS records, LEAST(m.newest - o.seq, m.n)::float8 AS looked,
    i.through, i.failed, i.last_minute
  FROM loop o, (SELECT max(l.seq) AS newest, count(*) AS n FROM last l) m, (
    SELECT count(*) FILTER (WHERE i.failed OR i.ended)::integer AS through, count(*) FILTER (WHERE i.failed)::integer AS failed,
      count(*) FILTER (WHERE (i.failed OR i.ended) AND i.at > durable.clock() - interval '1 minute')::integer AS last_minute
    FROM item i
  ) i
) t;
