-- A new schedule, unless there is one of that name.
--
-- $1 json: the row; times in ms
--
-- Returns its name if it is in.
INSERT INTO durable.scheduled_workflows (
  name, id, workflow, from_code, cron, timezone, input, queue, overlap, catch_up, catch_up_window, catch_up_limit,
  declared, enabled, next_run_at, created_at, updated_at)
SELECT
  r.name, r.id, r.workflow, r.from_code, r.cron, r.timezone, r.input, r.queue, r.overlap, r.catch_up,
  r.catch_up_window, r.catch_up_limit, r.declared, r.enabled, to_timestamp(r.next_run_at / 1000), durable.clock(),
  durable.clock()
FROM json_to_record($1::json) AS r(
  name text, id uuid, workflow text, from_code boolean, cron text, timezone text, input text, queue text, overlap text,
  catch_up text, catch_up_window bigint, catch_up_limit integer, declared text, enabled boolean, next_run_at float8)
ON CONFLICT (name) DO NOTHING
RETURNING name;
