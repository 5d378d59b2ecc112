-- I3: tokens only grow. Of one step no record has a smaller token than the one before it, of the same remote step; where
-- no step of the run had a lease of its own, on another queue, no record of the whole run has. None has a token that was
-- never given out, and no step has two leases.
--
-- $1 integer: how many violations at most
WITH journal AS (
  -- A step that comes back to wait becomes a remote step again, with another row: its tokens begin again.
  SELECT run_id, seq, path, token, type, round, visit, split_part(path, '~~', 1) AS step,
    count(*) FILTER (WHERE type = 'remote') OVER (
      PARTITION BY run_id, round, split_part(path, '~~', 1), visit ORDER BY seq
    ) AS remote_start,
    -- Whatever its definition says now: another may have given a step away.
    bool_or(type = 'remote' OR nth IS NOT NULL) OVER (PARTITION BY run_id) AS has_remote
  FROM durable.step_executions
), record AS (
  SELECT s.run_id, s.seq, s.path, s.token,
    lag(s.token) OVER (PARTITION BY s.run_id ORDER BY s.seq) AS before,
    lag(s.token) OVER (PARTITION BY s.run_id, s.round, s.step, s.visit, s.remote_start ORDER BY s.seq) AS before_in_step,
    s.has_remote,
    COALESCE(q.token, e.end_token) AS last_token
  FROM journal s
  JOIN durable.workflow_executions e ON e.id = s.run_id
  LEFT JOIN durable.workflow_queue q ON q.id = s.run_id
  -- That a step was given to another queue is noted under the run's own lease.
  WHERE s.type NOT IN ('remote', 'remote_back')
)
SELECT run_id, format('has record %s of %s with token %s after one with token %s', seq, path, token,
  CASE WHEN token < before_in_step THEN before_in_step ELSE before END) AS what
FROM record
WHERE token < before_in_step OR (NOT has_remote AND token < before)
UNION ALL
SELECT run_id, format('has record %s of %s with token %s, and its last lease had token %s', seq, path, token, last_token)
FROM record
WHERE token < 1 OR (NOT has_remote AND token > last_token)
UNION ALL
SELECT s.step_of, format('has %s leases of one step: %s', count(*), s.path)
FROM (
  -- As text: one that is no JSON would end the look.
  SELECT q.step_of, substring(q.step FROM '"path":"((?:[^"\\]|\\.)*)"') AS path,
    substring(q.step FROM '"visit":(\d+)') AS visit, substring(q.step FROM '"round":(\d+)') AS round
  FROM durable.workflow_queue q
  WHERE q.step_of IS NOT NULL
) s
GROUP BY s.step_of, s.path, s.visit, s.round
HAVING count(*) > 1 AND s.path IS NOT NULL
LIMIT $1;
