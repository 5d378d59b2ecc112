-- Stores the limits of queues, and leaves alone what is as it should be.
--
-- $1 json: [{queue, global_concurrency, rate_limit, rate_period_ms, rate_counts, priority_ageing_ms}], sorted by queue
WITH given AS (
  SELECT * FROM json_to_recordset($1::json) AS g(
    queue text, global_concurrency integer, rate_limit integer, rate_period_ms bigint, rate_counts text,
    priority_ageing_ms bigint)
), saved AS (
  INSERT INTO durable.queue_settings AS s (queue, global_concurrency, rate_limit, rate_period_ms, rate_counts, priority_ageing_ms)
  SELECT queue, global_concurrency, rate_limit, rate_period_ms, rate_counts, priority_ageing_ms FROM given
  ON CONFLICT (queue) DO UPDATE
  SET global_concurrency = excluded.global_concurrency, rate_limit = excluded.rate_limit,
    rate_period_ms = excluded.rate_period_ms, rate_counts = excluded.rate_counts,
    priority_ageing_ms = excluded.priority_ageing_ms, updated_at = now()
  WHERE (s.global_concurrency, s.rate_limit, s.rate_period_ms, s.rate_counts, s.priority_ageing_ms) IS DISTINCT FROM
    (excluded.global_concurrency, excluded.rate_limit, excluded.rate_period_ms, excluded.rate_counts,
      excluded.priority_ageing_ms)
  RETURNING queue
), forgotten AS (
  -- Spans of a longer period end later than the new one may count.
  DELETE FROM durable.queue_rates r USING given g
  WHERE r.queue = g.queue AND r.ends_at > durable.clock() + g.rate_period_ms / 50 * interval '1 ms' + interval '5 s'
)
SELECT queue FROM saved;
