-- The ids of the runs next to these, in the order of all ids: an id needs as many characters as tell it from both.
--
-- $1 uuid[]: ids
SELECT run.id, before.id AS before, behind.id AS behind
FROM unnest($1::uuid[]) AS run (id)
LEFT JOIN LATERAL (
  SELECT id FROM durable.workflow_executions WHERE id < run.id ORDER BY id DESC LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
  SELECT id FROM durable.workflow_executions WHERE id > run.id ORDER BY id LIMIT 1
) AS behind ON true;
