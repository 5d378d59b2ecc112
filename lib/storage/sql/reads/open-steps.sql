-- The steps of a run that wait, one for each, and whether the run, or one of its steps on another queue, has a worker.
--
-- $1 uuid: the run
-- $2 text: at or below this path; NULL: anywhere
-- $3 text[]: not below what begins so
--
-- No row: there is no such run.
SELECT EXISTS (
    SELECT FROM durable.workflow_queue q WHERE (q.id = e.id OR q.step_of = e.id) AND q.state = 'running'
  ) AS leased, w.path, w.type, w.round, w.visit, w.attempt, w.input_seq::float8 AS input_seq, w.input_item, w.child_id,
  w.created_at
FROM durable.workflow_executions e
LEFT JOIN LATERAL (
  SELECT DISTINCT ON (o.path, o.round, o.visit, o.attempt) o.*
  FROM durable.waits o
  WHERE o.run_id = e.id AND o.active AND o.state = 'open'
    AND ($2::text IS NULL OR o.path = $2 OR starts_with(o.path, $2) AND substr(o.path, length($2) + 1, 1) IN ('.', '/', '['))
    AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS c(begin) WHERE starts_with(o.path, c.begin))
  ORDER BY o.path, o.round, o.visit, o.attempt, o.id
) w ON true
WHERE e.id = $1;
