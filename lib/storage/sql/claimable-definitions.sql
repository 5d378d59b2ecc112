-- The stored definitions that a process may claim, and the one of its own that runs each.
--   $1 integer    the worker
--   $2 integer[]  its own definitions
-- Its own; earlier ones that still have unfinished runs; later ones with unfinished runs that no living worker has (a
-- rollback).
SELECT d.id, own.id AS own
FROM durable.workflow_definitions own
JOIN durable.workflow_definitions d ON d.name = own.name
WHERE own.id = ANY ($2::integer[])
  AND (d.id = own.id
    OR (EXISTS (SELECT FROM durable.workflow_queue q WHERE q.definition_id = d.id)
      AND (d.version < own.version
        OR NOT EXISTS (
          SELECT FROM durable.workers w
          WHERE w.dead_at IS NULL AND w.expires_at > now() AND w.id <> $1 AND d.id = ANY (w.definitions)))));
