-- I10: what was stored can be read. Each payload begins and ends as a JSON text does: what was cut short, or written by
-- another hand, as a rule does not. (Parsing them all would be dear, and a text that does not parse would end the look.)
--
-- $1 integer: how many violations at most
SELECT p.run_id, p.what || ' that is no JSON text' AS what
FROM (
  SELECT e.id AS run_id, 'has an input' AS what, e.input AS body FROM durable.workflow_executions e
  UNION ALL
  SELECT e.id, 'has an error', e.error FROM durable.workflow_executions e WHERE e.error IS NOT NULL
  UNION ALL
  SELECT e.id, 'was suspended in a state', e.snapshot FROM durable.workflow_executions e WHERE e.snapshot IS NOT NULL
  UNION ALL
  SELECT s.run_id, format('has record %s of %s', s.seq, s.path), b.body
  FROM durable.step_executions s
  CROSS JOIN LATERAL (VALUES (s.output), (s.error), (s.facts)) AS b(body)
  WHERE b.body IS NOT NULL
  UNION ALL
  SELECT w.run_id, format('has a wait of %s', w.path), b.body
  FROM durable.waits w
  CROSS JOIN LATERAL (VALUES (w.spec), (w.result)) AS b(body)
  WHERE b.body IS NOT NULL
  UNION ALL
  SELECT COALESCE(q.step_of, q.id), b.kind, b.body
  FROM durable.workflow_queue q
  CROSS JOIN LATERAL (VALUES ('has a step on another queue', q.step), ('is to be cancelled with an error', q.cancel)) AS b(kind, body)
  WHERE b.body IS NOT NULL
  UNION ALL
  SELECT m.run_id, format('has event %s (%s)', m.id, m.name), m.payload FROM durable.events m
  UNION ALL
  SELECT NULL, format('schedule "%s" has %s', c.name, b.kind), b.body
  FROM durable.scheduled_workflows c
  CROSS JOIN LATERAL (VALUES ('an input', c.input), ('an error', c.last_error), ('a declaration', c.declared)) AS b(kind, body)
  WHERE b.body IS NOT NULL
  UNION ALL
  SELECT NULL, format('declaration %s (%s of "%s") has a body', d.id, d.kind, d.subject), d.body FROM durable.declarations d
) p
WHERE NOT CASE left(p.body, 1)
  WHEN '{' THEN right(p.body, 1) = '}'
  WHEN '[' THEN right(p.body, 1) = ']'
  WHEN '"' THEN right(p.body, 1) = '"' AND length(p.body) > 1
  WHEN '' THEN false
  ELSE p.body ~ '^(true|false|null|-?\d+(\.\d+)?([eE][+-]?\d+)?)$' END
LIMIT $1;
