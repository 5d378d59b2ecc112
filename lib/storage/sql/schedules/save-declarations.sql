-- Stores what a process declares, or finds it; either way it was last seen now.
--
-- $1 json: [{kind, subject, definition_id, hash, body}], in an order that is the same everywhere
INSERT INTO durable.declarations AS d (kind, subject, definition_id, hash, body)
SELECT g.kind, g.subject, g.definition_id, g.hash, g.body
FROM json_to_recordset($1::json) AS g(kind text, subject text, definition_id integer, hash text, body text)
ON CONFLICT (kind, subject, definition_id, hash) DO UPDATE SET last_seen = now()
RETURNING d.id;
