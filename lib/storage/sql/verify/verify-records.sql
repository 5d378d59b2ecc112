-- I2: one record per attempt, and nothing after the one that completed a step. What is recorded inside a step (`once`)
-- has a path of its own, the step's and then `~~`, and completes once per visit; but a call of a child that threw is made
-- anew by the next attempt. Notes of the engine are not counted.
--
-- $1 integer: how many violations at most
WITH record AS (
  SELECT run_id, seq, round, path, visit, attempt, status, path LIKE '%~~%' AS inside,
    CASE WHEN path LIKE '%~~child:%' THEN attempt END AS called_by
  FROM durable.step_executions
  -- What the engine notes for itself at a step's path is no attempt of it.
  WHERE type NOT IN ('intent', 'remote', 'remote_back', 'gather', 'context', 'rollback', 'log')
), place AS (
  SELECT run_id, round, path, visit,
    min(seq) FILTER (WHERE status = 'completed') AS completed_seq,
    count(*) FILTER (WHERE status = 'completed') AS completions,
    max(seq) AS last_seq
  FROM record
  GROUP BY run_id, round, path, visit, called_by
)
SELECT run_id, format('has %s records of attempt %s of %s (round %s, visit %s)', count(*), attempt, path, round, visit) AS what
FROM record
WHERE NOT inside
GROUP BY run_id, round, path, visit, attempt
HAVING count(*) > 1
UNION ALL
SELECT run_id, format('completed %s %s times in round %s, visit %s', path, completions, round, visit)
FROM place
WHERE completions > 1
UNION ALL
SELECT run_id, format('has record %s of %s after record %s, which completed it', last_seq, path, completed_seq)
FROM place
WHERE completions = 1 AND last_seq > completed_seq
LIMIT $1;
