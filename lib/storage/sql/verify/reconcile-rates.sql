-- Forgets claims that a rate counts in spans that end far ahead: they would hold the queue back until long after the period.
-- (A span ends a fiftieth of the period after its claims; 5 s are for servers whose clocks differ.)
DELETE FROM durable.queue_rates r
USING durable.queue_settings s
WHERE r.queue = s.queue AND s.rate_period_ms IS NOT NULL
  AND r.ends_at > durable.clock() + s.rate_period_ms / 50 * interval '1 ms' + interval '5 s'
RETURNING r.queue;
