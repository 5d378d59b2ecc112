-- One visit of a loop: how many of its items are in which state and when they ended (part `sums`), or a page of them (`page`,
-- and with `chosen` of those in some states).
--
-- $1 uuid: the run
-- $2 bigint: the record of its selector
-- $3 bigint: the one that begins its next visit; NULL: there is none
-- $4 text: its path
-- $5 integer: its items
-- $6 json: LoopPlaces: {ends, fails, counted, settles}
-- $7 json: the attempts that run now: [{index, attempt, at}], `at` in ms
-- $8 text: the state of one that has begun, has not ended, and in which nothing runs or waits
-- Of a page:
-- $9 text[]: its states; NULL: all
-- $10 integer: items after this one; NULL: none of them
-- $11 integer: items before this one, the last first; NULL: none of them
-- $12 integer: how many
--
-- Part `nested`: the loop's arm has loops. Part `counted`: it ends with one without results.
--
-- Returns one row. `cells`: [part, ended, failed] of 120 equal parts of the time from `since` to `until`, those that are
-- not empty. All is grouped, nothing joined: a plan that may use nested loops only takes no square of the items. Items of which
-- there is nothing are not among those that are grouped for sums: they are pending.
--
-- There may be many records, so little is done with each: a split_part() is cheaper than a substr(), and a regular expression
-- takes as long as ten of them. By the highest `rank` of what is known of an item it has failed (5), completed (4), runs (3),
-- waits (2) or has begun (1). `known` is not pulled up: all columns that a rank is made from would be sorted.
WITH place AS MATERIALIZED (
  SELECT ARRAY(SELECT '/' || json_array_elements_text(p.ends)) AS ends,
    ARRAY(SELECT '/' || json_array_elements_text(p.fails)) AS fails,
    ARRAY(SELECT '/' || json_array_elements_text(p.counted)) AS counted,
    ARRAY(SELECT '/' || json_array_elements_text(p.settles)) AS settles,
    -- Behind so many brackets of a path the index of the item begins, and what is within it.
    length($4) - length(replace($4, '[', '')) + 2 AS depth
  FROM json_to_record($6::json) AS p(ends json, fails json, counted json, settles json)
), begun AS MATERIALIZED (
  SELECT e.status <> 'active' AS over, durable.clock() AS now,
    (SELECT s.completed_at FROM durable.step_executions s WHERE s.run_id = e.id AND s.seq = $2) AS since
  FROM durable.workflow_executions e
  WHERE e.id = $1
), state AS MATERIALIZED (
  SELECT n.rank, CASE n.rank WHEN 5 THEN 'failed' WHEN 4 THEN 'completed' WHEN 3 THEN 'running' WHEN 0 THEN 'pending'
    ELSE CASE WHEN b.over THEN 'pending' WHEN n.rank = 2 THEN 'waiting' ELSE $8 END END AS name
  FROM begun b, generate_series(0, 5) AS n(rank)
)
-- [page
, bounds AS MATERIALIZED (
  SELECT GREATEST(0, COALESCE($10::bigint + 1, LEAST($11::bigint, $5) - $12::integer)) AS low,
    LEAST($5::integer - 1, COALESCE($10 + $12, $11 - 1)) AS high
)
-- page]
, record AS NOT MATERIALIZED (
  SELECT r.*, split_part(split_part(r.path, '[', (SELECT p.depth FROM place p)), ']', 1)::integer AS index,
    COALESCE(
-- [nested
      CASE
        WHEN strpos(split_part(r.path, ']', (SELECT p.depth FROM place p)), '[') = 0 THEN NULL
        WHEN strpos(split_part(r.path, ']', (SELECT p.depth + 1 FROM place p)), '[') = 0
          THEN rtrim(split_part(r.path, ']', (SELECT p.depth FROM place p)), '0123456789') || ']'
            || split_part(r.path, ']', (SELECT p.depth + 1 FROM place p))
        ELSE regexp_replace(
          substr(r.path, strpos(substr(r.path, length($4) + 2), ']') + length($4) + 2), '\[\d+\]', '[]', 'g') END,
-- nested]
      split_part(r.path, ']', (SELECT p.depth FROM place p))) AS place
  FROM durable.step_executions r
  WHERE r.run_id = $1 AND r.seq > $2 AND ($3::bigint IS NULL OR r.seq < $3) AND starts_with(r.path, $4 || '[')
    AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'gather')
), known AS
-- [chosen
  -- To look for the page's items among, and then to tell of them.
  MATERIALIZED
-- chosen]
(
  SELECT r.index, r.completed_at,
-- [page
    r.seq, r.attempt, r.duration_ms, NULL::timestamptz AS started_at,
-- page]
-- [counted
    r.status = 'completed' AND CASE
        WHEN r.type = 'forEach' THEN r.place = ANY ((SELECT p.counted[2:] FROM place p)::text[])
        ELSE r.place = ANY ((SELECT p.ends FROM place p)::text[]) AND (r.facts IS NULL OR r.facts::json ->> 'goto' IS NULL) END
      OR r.status = 'failed' AND r.retry_at IS NULL AND r.place = ANY ((SELECT p.settles FROM place p)::text[]) AS ends,
    CASE WHEN r.status = 'completed' AND r.type = 'forEach' AND r.place = ANY ((SELECT p.counted FROM place p)::text[])
      THEN COALESCE((r.facts::json ->> 'items')::integer, 0) END AS items,
-- counted]
    CASE
      WHEN r.status = 'completed' THEN CASE
        WHEN r.type <> 'forEach'
-- [counted
          AND (SELECT p.counted = '{}' FROM place p)
-- counted]
          AND r.place = ANY ((SELECT p.ends FROM place p)::text[]) AND (r.facts IS NULL OR r.facts::json ->> 'goto' IS NULL)
        THEN 4 ELSE 1 END
      WHEN r.retry_at > (SELECT b.now FROM begun b) THEN 2
      WHEN r.status = 'failed' AND r.retry_at IS NULL AND r.place = ANY ((SELECT p.fails FROM place p)::text[]) THEN 5
      ELSE 1
    END AS rank
  FROM record r
-- [page
  -- Of a page in any state it is known which items it has.
  WHERE $9::text[] IS NOT NULL OR r.index <= (SELECT b.high FROM bounds b) AND r.index >= (SELECT b.low FROM bounds b)
-- page]
  OFFSET 0
), seen AS NOT MATERIALIZED (
  SELECT k.* FROM known k
  UNION ALL
  SELECT split_part(split_part(w.path, '[', (SELECT p.depth FROM place p)), ']', 1)::integer, NULL,
-- [page
    NULL, w.attempt, NULL, w.created_at,
-- page]
-- [counted
    false, NULL,
-- counted]
    2
  FROM durable.waits w
  WHERE w.run_id = $1 AND w.active AND w.state = 'open' AND starts_with(w.path, $4 || '[')
  UNION ALL
  SELECT r.index, NULL,
-- [page
    NULL, r.attempt, NULL, to_timestamp(r.at / 1000),
-- page]
-- [counted
    false, NULL,
-- counted]
    3
  FROM json_to_recordset($7::json) AS r(index integer, attempt integer, at float8)
)
-- [chosen
, wanted AS MATERIALIZED (
  SELECT array_agg(s.rank) AS ranks, min(s.rank) AS least FROM state s WHERE s.name = ANY ($9::text[])
), candidate AS NOT MATERIALIZED (
  -- What ranks lower than all states that are asked for decides nothing.
  SELECT s.index, s.rank
-- [counted
    , s.ends, s.items
-- counted]
  FROM seen s
  WHERE s.index < $5::integer AND (s.rank >= (SELECT w.least FROM wanted w)
-- [counted
      OR (SELECT p.counted <> '{}' FROM place p)
-- counted]
    )
  UNION ALL
  SELECT g.index, 0
-- [counted
    , false, NULL
-- counted]
  FROM generate_series(0, $5::integer - 1) AS g(index)
  WHERE (SELECT w.least = 0 FROM wanted w)
)
-- chosen]
-- [page
, pick AS MATERIALIZED (
  SELECT g.index FROM bounds b, generate_series(b.low, b.high) AS g(index) WHERE $9::text[] IS NULL
-- [chosen
  UNION ALL
  (
    SELECT c.index
    FROM candidate c
    WHERE c.index > $10 AND $9 IS NOT NULL
    GROUP BY c.index
    HAVING GREATEST(max(c.rank),
-- [counted
        CASE WHEN count(*) FILTER (WHERE c.ends) >= sum(c.items) THEN 4 END,
-- counted]
        NULL) = ANY ((SELECT w.ranks FROM wanted w)::integer[])
    ORDER BY c.index
    LIMIT $12
  )
  UNION ALL
  (
    SELECT c.index
    FROM candidate c
    WHERE c.index < $11 AND $9 IS NOT NULL
    GROUP BY c.index
    HAVING GREATEST(max(c.rank),
-- [counted
        CASE WHEN count(*) FILTER (WHERE c.ends) >= sum(c.items) THEN 4 END,
-- counted]
        NULL) = ANY ((SELECT w.ranks FROM wanted w)::integer[])
    ORDER BY c.index DESC
    LIMIT $12
  )
-- chosen]
)
-- page]
, item AS MATERIALIZED (
  SELECT s.index, max(s.completed_at) AS at,
-- [page
    LEAST(min(s.started_at), min(s.completed_at - s.duration_ms * interval '1 ms')) AS started_at,
    COALESCE(max(s.attempt), 0) AS attempts, min(s.seq) FILTER (WHERE s.rank = 5) AS failed_by,
-- page]
    GREATEST(max(s.rank),
-- [counted
      CASE WHEN count(*) FILTER (WHERE s.ends) >= sum(s.items) THEN 4 END,
-- counted]
      NULL) AS rank
  FROM (
    SELECT s.* FROM seen s
-- [page
    WHERE EXISTS (SELECT FROM pick)
      AND (SELECT range_agg(int4range(p.index::integer, p.index::integer + 1)) FROM pick p) @> s.index
    UNION ALL
    SELECT p.index, NULL, NULL, NULL, NULL, NULL,
-- [counted
      false, NULL,
-- counted]
      0
    FROM pick p
-- page]
  ) s
  WHERE s.index < $5::integer
  GROUP BY s.index
)
-- [sums
, span AS MATERIALIZED (
  SELECT u.since, u.until, date_part('epoch', u.until - u.since) AS length
  FROM (
    SELECT b.since, GREATEST(b.since + interval '1 ms', CASE WHEN b.over OR t.ended = $5 THEN t.at ELSE b.now END) AS until
    FROM begun b, (SELECT max(i.at) AS at, count(*) FILTER (WHERE i.rank >= 4) AS ended FROM item i) t
  ) u
), tally AS MATERIALIZED (
  SELECT i.rank, CASE WHEN i.rank >= 4 THEN
      LEAST(120, GREATEST(1, 1 + floor(date_part('epoch', i.at - s.since) * 120 / s.length)::integer)) END AS part, count(*) AS n
  FROM item i, span s
  GROUP BY 1, 2
), counted AS (
  SELECT n.name, sum(n.n) AS n
  FROM (
    SELECT (SELECT s.name FROM state s WHERE s.rank = t.rank) AS name, t.n FROM tally t
    UNION ALL
    SELECT 'pending', $5 - COALESCE((SELECT sum(t.n) FROM tally t), 0) FROM begun
  ) n
  GROUP BY n.name
  HAVING sum(n.n) > 0
), cell AS (
  SELECT t.part, sum(t.n) AS ended, COALESCE(sum(t.n) FILTER (WHERE t.rank = 5), 0) AS failed
  FROM tally t
  WHERE t.part IS NOT NULL
  GROUP BY t.part
)
-- sums]
-- [page
, page AS (
  SELECT i.*, s.name AS state FROM item i, LATERAL (SELECT s.name FROM state s WHERE s.rank = i.rank LIMIT 1) s
)
-- page]
SELECT b.since,
-- [sums
  (SELECT s.until FROM span s) AS until,
  (SELECT json_object_agg(c.name, c.n) FROM counted c) AS counts,
  (SELECT json_agg(json_build_array(c.part, c.ended, c.failed) ORDER BY c.part) FROM cell c) AS cells,
-- sums]
-- [page
  (SELECT json_agg(json_build_object(
      'index', p.index, 'state', p.state, 'attempts', p.attempts, 'startedAt', extract(epoch FROM p.started_at) * 1000,
      'endedAt', CASE WHEN p.state IN ('completed', 'failed') THEN extract(epoch FROM p.at) * 1000 END,
      'error', (SELECT f.error FROM durable.step_executions f WHERE f.run_id = $1 AND f.seq = p.failed_by)) ORDER BY p.index)
   FROM page p) AS page,
-- page]
  b.over
FROM begun b;
