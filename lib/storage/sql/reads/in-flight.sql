-- Attempts that the living workers have published, where they name one of the runs.
--
-- $1 text[]: the runs
-- $2 integer: not that worker's, which is asked itself
SELECT w.in_flight
FROM durable.workers w
WHERE w.id <> $2
  AND w.dead_at IS NULL
  AND w.expires_at > now()
  AND EXISTS (SELECT FROM unnest($1::text[]) AS run (id) WHERE strpos(w.in_flight, run.id) > 0);
