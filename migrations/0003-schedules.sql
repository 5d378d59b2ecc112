-- nest-durable, schema version 3: workflows started by the clock.

-- The due time of the schedule that started the run. Never changes, so it may stand behind the payload.
ALTER TABLE durable.workflow_executions ADD COLUMN schedule_time timestamptz;

CREATE TABLE durable.scheduled_workflows (
  name           text        PRIMARY KEY,
  -- Tells a schedule from a later one of the same name.
  id             uuid        NOT NULL,
  workflow       text        NOT NULL,
  -- Declared by a decorator; else made by a client.
  from_code      boolean     NOT NULL,
  cron           text        NOT NULL,
  timezone       text        NOT NULL,
  input          text        NOT NULL,
  -- NULL: the workflow's.
  queue          text,
  overlap        text        NOT NULL,
  catch_up       text        NOT NULL,
  -- ms
  catch_up_window bigint     NOT NULL,
  catch_up_limit integer     NOT NULL,
  -- The settings above as the decorator or the client that made it says them, as JSON, and the names of those that were
  -- set otherwise since.
  declared       text        NOT NULL,
  overridden     text[]      NOT NULL DEFAULT '{}',
  enabled        boolean     NOT NULL,
  -- The next due time, of which no run has been started.
  next_run_at    timestamptz,
  last_run_at    timestamptz,
  last_error     text,
  last_error_at  timestamptz,
  consecutive_failures integer NOT NULL DEFAULT 0,
  auto_disabled_at timestamptz,
  -- Its workflow came without its decorator.
  removed_at     timestamptz,
  -- Runs that may be unfinished, for `overlap`.
  open_runs      uuid[]      NOT NULL DEFAULT '{}',
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  CONSTRAINT schedules_overlap CHECK (overlap IN ('allow', 'skip')),
  CONSTRAINT schedules_catch_up CHECK (catch_up IN ('latest', 'all', 'none')),
  CONSTRAINT schedules_next CHECK ((enabled AND removed_at IS NULL) = (next_run_at IS NOT NULL)),
  CONSTRAINT schedules_auto_disabled CHECK (NOT (enabled AND auto_disabled_at IS NOT NULL)),
  CONSTRAINT schedules_cron CHECK (length(cron) <= 256)
) WITH (fillfactor = 70);
CREATE INDEX schedules_due ON durable.scheduled_workflows (next_run_at) WHERE next_run_at IS NOT NULL;
