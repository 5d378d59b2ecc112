-- Forgets declarations that no process has brought for a month and none has.
DELETE FROM durable.declarations d
WHERE d.last_seen < now() - interval '30 days' AND NOT d.in_force
  AND NOT EXISTS (SELECT FROM durable.workers w WHERE d.id = ANY (w.declarations));
