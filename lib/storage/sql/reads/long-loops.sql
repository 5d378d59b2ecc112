-- The loops of a run that have many items in one of their visits, each visit in the order in which they began.
--
-- $1 uuid: the run
-- $2 integer: more items than so many
--
-- `next_seq`: the record that begins the next visit. `at`: when the items were known.
SELECT l.seq::float8 AS seq, l.path, l.round, l.visit, l.items, l.next_seq::float8 AS next_seq, l.at
FROM (
  SELECT s.seq, s.path, s.round, s.visit, s.items, s.completed_at AS at, max(s.items) OVER (PARTITION BY s.path) AS most,
    lead(s.seq) OVER (PARTITION BY s.path ORDER BY s.seq) AS next_seq
  FROM (
    -- (In the order of steps_apart, see there.)
    SELECT r.seq, r.path, r.round, r.visit, r.completed_at, COALESCE((r.facts::json ->> 'items')::integer, 0) AS items
    FROM durable.step_executions r
    WHERE r.run_id = $1 AND r.type = 'forEach' AND r.type >= 'forEach' AND r.type <= 'forEach' AND r.status = 'completed'
    ORDER BY r.type LIMIT 10000000
  ) s
) l
WHERE l.most > $2
ORDER BY l.seq;
