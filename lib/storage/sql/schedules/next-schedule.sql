-- In how many ms the next schedule is due. One that is due already is in another process's hands.
--
-- $1 text[]: the workflows that this process knows
SELECT durable.clock() AS now, (extract(epoch FROM min(s.next_run_at) - durable.clock()) * 1000)::float8 AS next_in_ms
FROM durable.scheduled_workflows s
WHERE s.next_run_at > durable.clock() AND s.workflow = ANY ($1::text[]);
