-- Progress of loops in a round: their items, those that have ended, failed ones among them, and those of the last minute.
--
-- $1 json: calls: [{n, id, round, path, places}]: number of the call, the run, the round, path of the loop, and its LoopPlaces:
--   {ends, fails, counted, settles}
--
-- Of the last twenty thousand records of one run; for many loops the number is shared. No row: none of these is the selector's
-- or of an item's first step, which names it. `began`: the end of the selector. `looked`: how many records since the selector's
-- were looked at; `others`: how many were not, up to five times as many and one (numbers of records have gaps, so these are
-- counted); `last_minute` is null where those that were looked at do not go back as far.
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
    SELECT s.seq, s.completed_at AS began, COALESCE((s.facts::json ->> 'items')::integer, 0) AS items
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
  SELECT o.items, o.began, m.looked, u.others, u.others > 5 * (SELECT l.most FROM look l) AS more, i.through, i.failed,
    CASE WHEN u.others = 0 OR m.since <= durable.clock() - interval '1 minute' THEN i.last_minute END AS last_minute
  FROM loop o
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE l.seq > o.seq)::integer AS looked, min(l.seq) AS oldest,
      (SELECT f.completed_at FROM last f ORDER BY f.seq LIMIT 1) AS since
    FROM last l
  ) m
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS others
    FROM (
      SELECT FROM durable.step_executions x
      WHERE x.run_id = c.id AND x.seq > o.seq AND x.seq < m.oldest
      LIMIT 5 * (SELECT l.most FROM look l) + 1
    ) x
  ) u
  CROSS JOIN (
    SELECT count(*) FILTER (WHERE i.failed OR i.ended)::integer AS through, count(*) FILTER (WHERE i.failed)::integer AS failed,
      count(*) FILTER (WHERE (i.failed OR i.ended) AND i.at > durable.clock() - interval '1 minute')::integer AS last_minute
    FROM item i
  ) i
) t;
