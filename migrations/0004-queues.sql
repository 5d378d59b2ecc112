-- Queues: pause, limits over all nodes, ageing of priorities.

-- One row a queue that some process works on or somebody has paused. The limits are those of the process that booted
-- last; `paused_at` is set by people only.
CREATE TABLE durable.queue_settings (
  queue               text        PRIMARY KEY,
  paused_at           timestamptz,
  global_concurrency  integer,
  rate_limit          integer,
  rate_period_ms      bigint,
  priority_ageing_ms  bigint,
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT queue_settings_limits CHECK (global_concurrency > 0 AND rate_limit > 0 AND rate_period_ms > 0),
  CONSTRAINT queue_settings_rate CHECK ((rate_limit IS NULL) = (rate_period_ms IS NULL))
);

-- First claims of a rate-limited queue, counted in spans of a fiftieth of its period; what has left the period is
-- deleted by the next claim. A span counts until the last claim in it could have left the period, so that no window of
-- one period ever holds more than the limit.
CREATE TABLE durable.queue_rates (
  queue   text        NOT NULL,
  ends_at timestamptz NOT NULL,
  n       integer     NOT NULL,
  PRIMARY KEY (queue, ends_at)
) WITH (fillfactor = 50);

-- `aged`: steps that the wait has added to `priority`; a claim takes them back. `limit_key`: what the run counts under
-- where its workflow has a concurrency limit; set before its first claim, NULL for all others. Rows of a key that has no
-- place free leave the claim's index as 'blocked', so that each is passed over once and not by every claim.
ALTER TABLE durable.workflow_queue
  ADD COLUMN aged smallint NOT NULL DEFAULT 0,
  ADD COLUMN limit_key text,
  DROP CONSTRAINT queue_state,
  ADD CONSTRAINT queue_state CHECK (state IN ('ready', 'running', 'sleeping', 'blocked'));
CREATE INDEX queue_limit_held ON durable.workflow_queue (limit_key)
  WHERE limit_key IS NOT NULL AND worker_id IS NOT NULL;
CREATE INDEX queue_blocked ON durable.workflow_queue (limit_key, resumed DESC, priority DESC, due_at, id)
  WHERE state = 'blocked';
