-- Queues that are closed to plain claims and to starts that are claimed at once.
SELECT queue, paused_at IS NOT NULL AS paused,
  global_concurrency IS NOT NULL OR rate_limit IS NOT NULL AS limited
FROM durable.queue_settings;
