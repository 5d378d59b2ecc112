-- Writes the states of schedules; their rows are locked.
--
-- $1 json: the rows; times in ms
UPDATE durable.scheduled_workflows s
SET workflow = r.workflow, from_code = r.from_code, cron = r.cron, timezone = r.timezone, input = r.input,
  queue = r.queue, overlap = r.overlap, catch_up = r.catch_up, catch_up_window = r.catch_up_window,
  catch_up_limit = r.catch_up_limit, declared = r.declared, overridden = r.overridden, enabled = r.enabled,
  next_run_at = to_timestamp(r.next_run_at / 1000), last_run_at = to_timestamp(r.last_run_at / 1000),
  last_error = r.last_error, last_error_at = to_timestamp(r.last_error_at / 1000),
  consecutive_failures = r.consecutive_failures, auto_disabled_at = to_timestamp(r.auto_disabled_at / 1000),
  removed_at = to_timestamp(r.removed_at / 1000), open_runs = r.open_runs, updated_at = durable.clock()
FROM json_to_recordset($1::json) AS r(
  name text, workflow text, from_code boolean, cron text, timezone text, input text, queue text, overlap text,
  catch_up text, catch_up_window bigint, catch_up_limit integer, declared text, overridden text[], enabled boolean,
  next_run_at float8, last_run_at float8, last_error text, last_error_at float8, consecutive_failures integer,
  auto_disabled_at float8, removed_at float8, open_runs uuid[])
WHERE s.name = ANY (ARRAY[r.name]);
