-- One visit of a loop: how many of its items are in which state and when they ended, or a page of them.
--
-- $1 uuid: the run
-- $2 bigint: the record of its selector
-- $3 bigint: the one that begins its next visit; NULL: there is none
-- $4 text: its path
-- $5 integer: its items
-- $6 json: LoopPlaces: {ends, fails, counted, settles}
-- $7 json: the attempts that run now: [{index, attempt, at}], `at` in ms
-- $8 text: the state of one that has begun, has not ended, and in which nothing runs or waits
-- $9 text[]: states of the page; NULL: all
-- $10 integer: items of the page after this one; NULL: none of them
-- $11 integer: items of the page before this one, the last first; NULL: none of them
-- $12 integer: how many; 0: no page, all else
--
-- Returns one row. `cells`: [part, ended, failed] of 120 equal parts of the time from `since` to `until`, those that are
-- not empty. All is grouped, nothing joined: a plan that may use nested loops only takes no square of the items. Items of which
-- there is nothing are not among those that are grouped: they are pending.
WITH place AS MATERIALIZED (
  SELECT ARRAY(SELECT json_array_elements_text(p.ends)) AS ends, ARRAY(SELECT json_array_elements_text(p.fails)) AS fails,
    ARRAY(SELECT json_array_elements_text(p.counted)) AS counted, ARRAY(SELECT json_array_elements_text(p.settles)) AS settles
  FROM json_to_record($6::json) AS p(ends json, fails json, counted json, settles json)
), begun AS MATERIALIZED (
  SELECT e.status <> 'active' AS over, durable.clock() AS now,
    (SELECT s.completed_at FROM durable.step_executions s WHERE s.run_id = e.id AND s.seq = $2) AS since
  FROM durable.workflow_executions e
  WHERE e.id = $1
), cut AS (
  SELECT s.seq, s.completed_at, s.duration_ms, s.attempt, s.retry_at, s.status, s.type, s.facts,
    split_part(s.rest, ']', 1)::integer AS index, substr(s.rest, strpos(s.rest, ']') + 2) AS within
  FROM (
    SELECT r.*, substr(r.path, length($4) + 2) AS rest
    FROM durable.step_executions r
    WHERE r.run_id = $1 AND r.seq > $2 AND ($3::bigint IS NULL OR r.seq < $3) AND starts_with(r.path, $4 || '[')
      AND r.type IN ('step', 'decision', 'branch', 'parallel', 'forEach', 'gather')
    OFFSET 0
  ) s
  OFFSET 0
), record AS (
  SELECT c.*, CASE WHEN strpos(c.within, '[') = 0 THEN c.within ELSE regexp_replace(c.within, '\[\d+\]', '[]', 'g') END AS place,
    c.status = 'failed' AND c.retry_at IS NULL AS lost
  FROM cut c
), known AS (
  SELECT r.index, r.seq, r.completed_at, CASE WHEN $12::integer > 0 THEN r.completed_at - r.duration_ms * interval '1 ms' END AS started_at,
    r.attempt, r.retry_at, r.lost AND r.place = ANY ((SELECT p.fails FROM place p)::text[]) AS fails,
    r.status = 'completed' AND CASE
        WHEN r.type = 'forEach' THEN r.place = ANY ((SELECT p.counted[2:] FROM place p)::text[])
        ELSE r.place = ANY ((SELECT p.ends FROM place p)::text[]) AND (r.facts IS NULL OR r.facts::json ->> 'goto' IS NULL) END
      OR r.lost AND r.place = ANY ((SELECT p.settles FROM place p)::text[]) AS ends,
    CASE WHEN r.status = 'completed' AND r.type = 'forEach' AND r.place = ANY ((SELECT p.counted FROM place p)::text[])
      THEN COALESCE((r.facts::json ->> 'items')::integer, 0) END AS items
  FROM record r
), seen AS (
  SELECT j.*, 0 AS now FROM known j
  UNION ALL
  SELECT substr(w.path, length($4) + 2, strpos(substr(w.path, length($4) + 2), ']') - 1)::integer, NULL, NULL, w.created_at,
    w.attempt, NULL, false, false, NULL, 1
  FROM durable.waits w
  WHERE w.run_id = $1 AND w.active AND w.state = 'open' AND starts_with(w.path, $4 || '[')
  UNION ALL
  SELECT r.index, NULL, NULL, to_timestamp(r.at / 1000), r.attempt, NULL, false, false, NULL, 2
  FROM json_to_recordset($7::json) AS r(index integer, attempt integer, at float8)
), summed AS (
  -- Of a page in any state it is known which items it has.
  SELECT s.index, min(s.started_at) AS started_at, max(s.completed_at) AS at, COALESCE(max(s.attempt), 0) AS attempts,
    max(s.retry_at) AS retry_at, max(s.now) AS now, min(s.seq) FILTER (WHERE s.fails) AS failed_by,
    count(*) FILTER (WHERE s.ends) >= CASE WHEN (SELECT p.counted = '{}' FROM place p) THEN 1 ELSE sum(s.items) END AS ended
  FROM seen s
  WHERE s.index < $5::integer
    AND ($10::integer IS NULL OR s.index > $10 AND ($9::text[] IS NOT NULL OR s.index <= $10::bigint + $12))
    AND ($11::integer IS NULL OR s.index < $11 AND ($9::text[] IS NOT NULL OR s.index >= LEAST($11, $5)::bigint - $12))
  GROUP BY s.index
), item AS MATERIALIZED (
  SELECT s.index, s.started_at, s.at, s.attempts, s.failed_by,
    CASE
      WHEN s.failed_by IS NOT NULL THEN 'failed'
      WHEN s.ended THEN 'completed'
      WHEN s.now = 2 THEN 'running'
      WHEN b.over THEN 'pending'
      WHEN s.now = 1 OR s.retry_at > b.now THEN 'waiting'
      ELSE $8
    END AS state
  FROM summed s, begun b
), tally AS MATERIALIZED (
  SELECT i.state, count(*) AS n, max(i.at) AS at FROM item i WHERE $12 = 0 GROUP BY i.state
), counted AS (
  SELECT n.state, sum(n.n) AS n
  FROM (
    SELECT t.state, t.n FROM tally t
    UNION ALL
    SELECT 'pending', $5 - COALESCE((SELECT sum(t.n) FROM tally t), 0) FROM begun WHERE $12 = 0
  ) n
  GROUP BY n.state
  HAVING sum(n.n) > 0
), span AS MATERIALIZED (
  SELECT b.since, GREATEST(b.since + interval '1 ms', CASE WHEN b.over OR t.ended = $5 THEN t.at ELSE b.now END) AS until
  FROM begun b, (SELECT max(t.at) AS at, sum(t.n) FILTER (WHERE t.state IN ('completed', 'failed')) AS ended FROM tally t) t
  WHERE $12 = 0
), cell AS (
  SELECT LEAST(120, GREATEST(1, 1 + floor(date_part('epoch', i.at - s.since) * 120 / s.length)::integer)) AS part,
    count(*) AS ended, count(*) FILTER (WHERE i.state = 'failed') AS failed
  FROM item i, (
    SELECT x.since, date_part('epoch', x.until - x.since) AS length FROM span x OFFSET 0
  ) s
  WHERE $12 = 0 AND i.state IN ('completed', 'failed')
  GROUP BY 1
), unseen AS (
  SELECT g.index FROM generate_series(0, $5 - 1) AS g(index) WHERE $12 > 0 AND ($9 IS NULL OR 'pending' = ANY ($9))
  EXCEPT
  SELECT i.index FROM item i
), listed AS (
  SELECT i.* FROM item i WHERE $12 > 0 AND ($9 IS NULL OR i.state = ANY ($9))
  UNION ALL
  SELECT u.index, NULL, NULL, 0, NULL, 'pending' FROM unseen u, begun
), page AS (
  (SELECT l.* FROM listed l WHERE l.index > $10 ORDER BY l.index LIMIT $12)
  UNION ALL
  (SELECT l.* FROM listed l WHERE l.index < $11 ORDER BY l.index DESC LIMIT $12)
)
SELECT (SELECT s.since FROM span s) AS since, (SELECT s.until FROM span s) AS until,
  (SELECT json_object_agg(c.state, c.n) FROM counted c) AS counts,
  (SELECT json_agg(json_build_array(c.part, c.ended, c.failed) ORDER BY c.part) FROM cell c) AS cells,
  (SELECT json_agg(json_build_object(
      'index', p.index, 'state', p.state, 'attempts', p.attempts, 'startedAt', extract(epoch FROM p.started_at) * 1000,
      'endedAt', CASE WHEN p.state IN ('completed', 'failed') THEN extract(epoch FROM p.at) * 1000 END,
      'error', (SELECT f.error FROM durable.step_executions f WHERE f.run_id = $1 AND f.seq = p.failed_by)) ORDER BY p.index)
   FROM page p) AS page;
