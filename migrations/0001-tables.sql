-- The tables of nest-durable. Its functions are in 0002-functions.sql.
-- The schema is named `durable` here so that this file can be pasted into psql; the migrator puts the configured name in.

-- One row: says which set of tables this is, so that a transaction on another database is noticed.
CREATE TABLE durable.instance (
  id         uuid        NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  single     boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (single)
);
INSERT INTO durable.instance DEFAULT VALUES;

-- The time that workflows live by (due times, deadlines, record times). The testing kit replaces this function to move
-- the clock; leases use now() itself and never move with it. Inlined by the planner: costs nothing.
CREATE FUNCTION durable.clock() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()';

CREATE TABLE durable.workflow_definitions (
  id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text        NOT NULL,
  -- Order of first appearance within the name; a rollback keeps its old number.
  version    integer     NOT NULL,
  hash       text        NOT NULL,
  definition json        NOT NULL,
  -- JSON Schema of the workflow's input, made from its class at boot; not part of the hash. Of code that has one definition and
  -- several classes for its input, that of the declaration in force. NULL: it has no such class.
  input_schema json,
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, hash),
  UNIQUE (name, version)
);

-- What processes declare at their boot: the schedules and the input that a workflow's code has, the limits of a queue. Of
-- those that living workers have for one subject the latest is in force: by definition, then by order of first appearance;
-- when no living worker has it any more, the latest of the others is. A row outlives its code for a while, so that code that
-- comes back is known as what was there before.
CREATE TABLE durable.declarations (
  id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind          text        NOT NULL,
  -- Name of the workflow or queue.
  subject       text        NOT NULL,
  -- The workflow's; for a queue the latest that the process has, 0: it has none.
  definition_id integer     NOT NULL,
  hash          text        NOT NULL,
  -- JSON: the schedules and the schema of the input, or the limits as queue_settings has them.
  body          text        NOT NULL,
  -- What scheduled_workflows and queue_settings say comes from it.
  in_force      boolean     NOT NULL DEFAULT false,
  last_seen     timestamptz NOT NULL DEFAULT now(),
  UNIQUE (kind, subject, definition_id, hash),
  CONSTRAINT declarations_kind CHECK (kind IN ('schedules', 'queue'))
);
CREATE UNIQUE INDEX declarations_in_force ON durable.declarations (kind, subject) WHERE in_force;

-- One row a process. It is the lease of all the runs that the process has leased: renewed by one single-row update a heartbeat,
-- however many runs there are.
CREATE TABLE durable.workers (
  -- By chance, not from a sequence: one that a failover has set back would give a living worker's number away.
  id           integer     DEFAULT (1 + floor(random() * 2147483646))::integer PRIMARY KEY,
  host         text        NOT NULL,
  pid          integer     NOT NULL,
  -- Names the set of process ids that `pid` belongs to (boot and PID namespace), and the process's own start, so that a
  -- neighbour on the same machine can tell a dead process for certain. NULL where the system does not tell.
  process_key  text,
  process_start text,
  version      text        NOT NULL,
  queues       text[]      NOT NULL,
  definitions  integer[]   NOT NULL,
  declarations integer[]   NOT NULL DEFAULT '{}',
  -- application_name of the process's listening session, once the server was seen to show it; NULL: cannot be watched.
  session_name text,
  started_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  dead_at      timestamptz,
  -- The attempts that are running now, as JSON; shown to people, decides nothing. So is what follows.
  in_flight    text        NOT NULL DEFAULT '[]',
  -- Places by queue: {"default": 10}.
  capacity     json        NOT NULL DEFAULT '{}',
  -- Notifications reach it; false: it polls.
  listening    boolean     NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE INDEX workers_dead ON durable.workers (id) WHERE dead_at IS NOT NULL;

-- History: one row a run, written at start, at suspension and at the end. What an unfinished run is doing now stands in
-- workflow_queue; `status` here is 'active' until the end. The columns that change stand together, before the payload,
-- so that the log record of the final update holds only the bytes that differ; no index names one of them (but error,
-- which a completed run never gets), so that update is HOT.
CREATE TABLE durable.workflow_executions (
  id              uuid        PRIMARY KEY,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  started_at      timestamptz,
  completed_at    timestamptz,
  -- The journal record that holds the data: 0 is the input.
  data_seq        bigint      NOT NULL DEFAULT 0,
  snapshot_seq    bigint      NOT NULL DEFAULT 0,
  round           integer     NOT NULL DEFAULT 1,
  definition_id   integer     NOT NULL,
  -- Fencing token of the lease that ended the run.
  end_token       integer,
  status          text        NOT NULL DEFAULT 'active',
  error           text,
  -- Name of the step whose record failed the run; NULL: no record did (a timeout, a cancel).
  failed_step     text,
  snapshot        text,
  -- Numbers of the records that whoever goes on from the snapshot needs: a claim reads them by the way. NULL: it does not.
  snapshot_needs  bigint[],
  -- Of `error`, so that failures are grouped and found with no look into each: made here, since many statements write that.
  error_name      text        GENERATED ALWAYS AS (substring(error FROM '^\{"name":"((?:[^"\\]|\\.)*)"')) STORED,
  -- `status` of a run that has an error, for an index of these: no index may have `status` itself, which changes at each end.
  error_status    text        GENERATED ALWAYS AS (CASE WHEN error IS NOT NULL THEN status END) STORED,
  priority        integer     NOT NULL,
  workflow        text        NOT NULL,
  queue           text        NOT NULL,
  scheduled_at    timestamptz,
  -- The due time of the schedule that started the run.
  schedule_time   timestamptz,
  -- The schedule that started the run, by the clock or by hand.
  schedule_name   text,
  parent_id       uuid,
  retry_of        uuid,
  idempotency_key text,
  -- W3C traceparent of whoever started the run; NULL: not traced.
  traceparent     text,
  tags            jsonb,
  input           text        NOT NULL,
  CONSTRAINT executions_status CHECK (status IN ('active', 'completed', 'failed', 'cancelled', 'compensated', 'compensation_failed')),
  CONSTRAINT executions_finished CHECK ((status = 'active') = (completed_at IS NULL)),
  CONSTRAINT executions_error CHECK (status NOT IN ('failed', 'cancelled', 'compensated', 'compensation_failed') OR error IS NOT NULL),
  CONSTRAINT executions_no_snapshot_after_end CHECK (status = 'active' OR snapshot IS NULL)
) WITH (fillfactor = 75);
-- Lists go by (created_at, id): an id says when its run was started only where a clock that is right has made it. One index
-- serves the lists of all runs, of a workflow and of a queue: its stretches, one for each workflow and queue, are merged.
CREATE INDEX executions_created ON durable.workflow_executions (workflow, queue, created_at, id);
-- All that did not complete: lists and counts of these ask the index alone.
CREATE INDEX executions_error ON durable.workflow_executions (created_at, id) INCLUDE (error_status, workflow, queue)
  WHERE error IS NOT NULL;
CREATE INDEX executions_failure ON durable.workflow_executions (error_name, workflow, created_at, id) WHERE error IS NOT NULL;
CREATE INDEX executions_schedule ON durable.workflow_executions (schedule_name, created_at, id) WHERE schedule_name IS NOT NULL;
CREATE INDEX executions_parent ON durable.workflow_executions (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX executions_retry ON durable.workflow_executions (retry_of) WHERE retry_of IS NOT NULL;
CREATE UNIQUE INDEX executions_idempotency ON durable.workflow_executions (workflow, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX executions_tags ON durable.workflow_executions USING gin (tags) WHERE tags IS NOT NULL;

-- The hot table: unfinished runs only, one narrow row each, and one for each step handed to another queue (`step_of`).
CREATE TABLE durable.workflow_queue (
  id            uuid        PRIMARY KEY,
  step_of       uuid,
  -- That of its run in workflow_executions: lists of unfinished runs go by it.
  created_at    timestamptz NOT NULL DEFAULT durable.clock(),
  -- When it became ready; or, asleep, when it will be ('infinity': something else wakes it).
  due_at        timestamptz NOT NULL,
  -- When the run as a whole times out.
  deadline_at   timestamptz,
  -- First claim.
  started_at    timestamptz,
  -- The last record known when the run was last taken from a dead worker.
  progress_seq  bigint      NOT NULL DEFAULT 0,
  -- The last end of a wait (waits.ended) that was known to it when it was suspended.
  heard         bigint      NOT NULL DEFAULT 0,
  definition_id integer     NOT NULL,
  -- The definition that its records since its last suspension were written by, where it was claimed for another one since,
  -- which has not stored its place yet.
  ran_by        integer,
  priority      integer     NOT NULL,
  token         integer     NOT NULL DEFAULT 0,
  worker_id     integer,
  recoveries    smallint    NOT NULL DEFAULT 0,
  -- ms of waiting that one step of priority is worth: what its queue said when the row was entered; NULL: 60 000.
  ageing_ms     integer,
  paused        boolean     NOT NULL DEFAULT false,
  -- Something a suspended part of the run waits for has come while the run was leased.
  wake          boolean     NOT NULL DEFAULT false,
  -- Another process waits for the end and wants a hint.
  watched       boolean     NOT NULL DEFAULT false,
  -- The round is being undone.
  compensating  boolean     NOT NULL DEFAULT false,
  -- 'blocked': ready, but its `limit_key` has no place free. Such rows leave the claim's index, so that each is passed
  -- over once and not by every claim.
  state         text        NOT NULL,
  queue         text        NOT NULL,
  -- What the run counts under where its workflow has a concurrency limit; set before its first claim, NULL for all others.
  limit_key     text,
  -- For a remote step: which one, as JSON.
  step          text,
  -- Why it was suspended last, as long as it sleeps: the first of these that holds of a part of it. NULL: never was.
  because       text,
  -- It is to be cancelled, and what it did undone: the encoded error. Whoever has leased the run begins the rollback.
  cancel        text,
  -- The order of claims of what is ready or blocked, the lowest first: the due time in ms, less `ageing_ms` for each step of
  -- priority; a row that was claimed before has one step more. All rows of a queue age at one rate, so their order never
  -- changes while they wait, and nothing has to be written for it. (No infinite intervals before PostgreSQL 17.)
  -- It names `state` since nearly every UPDATE sets that: where one sets no column of a stored expression, PostgreSQL 16 to 18
  -- parse the expression again for each row, which costs more than the row.
  rank          bigint      GENERATED ALWAYS AS (
    CASE WHEN state IN ('ready', 'blocked') THEN
      CASE WHEN isfinite(due_at)
        THEN (date_part('epoch', due_at - timestamptz '2000-01-01 00:00:00+00') * 1000)::bigint ELSE 0 END
      - (priority::bigint + CASE WHEN started_at IS NULL THEN 0 ELSE 1 END) * COALESCE(ageing_ms, 60000)
    END
  ) STORED,
  CONSTRAINT queue_state CHECK (state IN ('ready', 'running', 'sleeping', 'blocked')),
  CONSTRAINT queue_because CHECK (because IN ('retry', 'wait', 'child', 'step')),
  CONSTRAINT queue_lease CHECK ((state = 'running') = (worker_id IS NOT NULL)),
  CONSTRAINT queue_step CHECK ((step_of IS NULL) = (step IS NULL))
) WITH (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.1,
  autovacuum_analyze_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0
);
-- Serves the claim in its order; holds claimable rows only, so sleeping, paused and running runs cost a claim nothing.
CREATE INDEX queue_claim ON durable.workflow_queue (queue, definition_id, rank, id)
  WHERE state = 'ready' AND NOT paused;
-- The same of rows that were claimed before, which a rate of first claims does not hold back.
CREATE INDEX queue_resumed ON durable.workflow_queue (queue, definition_id, rank, id)
  WHERE state = 'ready' AND NOT paused AND started_at IS NOT NULL;
-- Which definitions the rows have that may become ready: read from value to value, with no look at each of the rows.
-- (CASE: to the planner no other condition says as much, or it would look for what sleeps in here, through all of it.)
CREATE INDEX queue_definition ON durable.workflow_queue (definition_id)
  WHERE CASE WHEN state = 'ready' THEN paused ELSE state <> 'running' END;
CREATE INDEX queue_due ON durable.workflow_queue (due_at) WHERE state = 'sleeping' AND due_at < 'infinity';
-- Lists of runs that are tried again; steps of theirs on other queues are among them.
CREATE INDEX queue_retrying ON durable.workflow_queue (created_at, id) WHERE because = 'retry' AND state = 'sleeping';
-- Runs whose timeout is to be looked after: what is leased has its worker, and the timeout is over everything but the rollback.
CREATE INDEX queue_deadline ON durable.workflow_queue (deadline_at)
  WHERE deadline_at IS NOT NULL AND state <> 'running' AND step_of IS NULL AND cancel IS NULL AND NOT compensating;
CREATE INDEX queue_worker ON durable.workflow_queue (worker_id) WHERE worker_id IS NOT NULL;
CREATE INDEX queue_step_of ON durable.workflow_queue (step_of) WHERE step_of IS NOT NULL;
CREATE INDEX queue_limit_held ON durable.workflow_queue (limit_key)
  WHERE limit_key IS NOT NULL AND worker_id IS NOT NULL;
-- Of a workflow whose runs keep their place until they have ended.
CREATE INDEX queue_limit_begun ON durable.workflow_queue (limit_key)
  WHERE limit_key IS NOT NULL AND started_at IS NOT NULL AND step_of IS NULL;
CREATE INDEX queue_blocked ON durable.workflow_queue (limit_key, queue, rank, id) WHERE state = 'blocked' AND NOT paused;

-- The journal: append-only, one row a finished attempt (or `once`). `seq` is handed out by the holder of the lease.
-- What a step got as input is the output of record `input_seq` (0: the run's input), so data is stored once.
CREATE TABLE durable.step_executions (
  run_id       uuid        NOT NULL,
  seq          bigint      NOT NULL,
  input_seq    bigint      NOT NULL,
  completed_at timestamptz NOT NULL,
  -- When a failed attempt is tried again; NULL: never.
  retry_at     timestamptz,
  token        integer     NOT NULL,
  round        integer     NOT NULL,
  visit        integer     NOT NULL,
  attempt      integer     NOT NULL,
  duration_ms  integer     NOT NULL,
  -- An item of a loop has as its data one element of the array that is the output of `input_seq`.
  input_item   integer,
  type         text        NOT NULL,
  status       text        NOT NULL,
  path         text        NOT NULL,
  -- What a record says beside its output, as JSON: where a decision jumps to, the arm a branch has chosen, and the like.
  facts        text,
  -- NULL: returned nothing, the data went on unchanged.
  output       text,
  error        text,
  -- What the step's code has logged, one row of text a line (lib/core/run/log-entry.ts); NULL: nothing. On the record of the
  -- attempt, or on one of type 'log' where a pass of it has left none: it waits, or was handed back.
  logs         text,
  -- Of a step on another queue, which numbers its records by itself: the run's last record when this one was written,
  -- under the run's lock, and its number among those that came after it.
  after_seq    bigint,
  nth          bigint,
  PRIMARY KEY (run_id, seq),
  CONSTRAINT steps_status CHECK (status IN ('completed', 'failed')),
  CONSTRAINT steps_error CHECK ((status = 'failed') = (error IS NOT NULL))
);

-- Of a long journal what is looked for by what it is: selectors of loops, and records of steps on other queues, which do not stand
-- among those of their time. Of the others no commit writes an entry. (By type, which who looks for them asks for in order: so the
-- planner does not take the primary key for as good.)
CREATE INDEX steps_apart ON durable.step_executions (run_id, type) WHERE type = 'forEach' OR nth IS NOT NULL;

-- Numbers the records of steps on other queues (`nth`). A failover that loses commits loses what they numbered too.
CREATE SEQUENCE durable.step_order;

-- The order in which waits ended: a number is taken under the lock of the run, so that within a run it only grows.
CREATE SEQUENCE durable.wait_ends;

-- What steps wait for. A row is written in the commit that suspends the step (or notes the wait of one arm), and stays
-- as history. `active`: the visit of the step that asked is not over, so that its next pass needs the answer.
CREATE TABLE durable.waits (
  run_id     uuid        NOT NULL,
  id         uuid        NOT NULL,
  created_at timestamptz NOT NULL,
  closed_at  timestamptz,
  -- Sleeps: when it is over. Others: when it times out; NULL: never.
  due_at     timestamptz,
  -- When it ended among the run's others: the passes of its step are given what it came to in this order.
  ended      bigint,
  -- The data of the step: the output of a record (0: the run's input), or an item of the array that this is.
  input_seq  bigint      NOT NULL,
  child_id   uuid,
  input_item integer,
  round      integer     NOT NULL,
  visit      integer     NOT NULL,
  attempt    integer     NOT NULL,
  active     boolean     NOT NULL DEFAULT true,
  state      text        NOT NULL DEFAULT 'open',
  kind       text        NOT NULL,
  -- Of the step: the kind of its member.
  type       text        NOT NULL,
  path       text        NOT NULL,
  -- Kind, name and count in the step: what the next pass finds it by.
  key        text        NOT NULL,
  -- Events: those waited for. Inputs: the input's name.
  names      text[]      NOT NULL DEFAULT '{}',
  -- What was asked for, encoded: timeout value, and an input's prompt, type, fields and choices.
  spec       text,
  -- Inputs: the answer, encoded. A waitForAll that timed out: JSON names of the events that had come. Cancelled: why.
  result     text,
  PRIMARY KEY (run_id, id),
  CONSTRAINT waits_state CHECK (state IN ('open', 'done', 'timed_out', 'cancelled')),
  CONSTRAINT waits_kind CHECK (kind IN ('sleep', 'event', 'any', 'all', 'input', 'child')),
  CONSTRAINT waits_closed CHECK ((state = 'open') = (closed_at IS NULL)),
  CONSTRAINT waits_open_is_active CHECK (state <> 'open' OR active),
  CONSTRAINT waits_ended CHECK (NOT active OR (state = 'open') = (ended IS NULL)),
  CONSTRAINT waits_child CHECK ((kind = 'child') = (child_id IS NOT NULL))
);
-- What a resumed run reads: few rows, however many waits it has behind it.
CREATE INDEX waits_active ON durable.waits (run_id, id) WHERE active;
-- Who waits for a run that ends, and whose next pass will read how a run has ended.
CREATE INDEX waits_child ON durable.waits (child_id) WHERE child_id IS NOT NULL AND active;
-- The children that steps have called, once the visit is over: an entry is written once, not at each change of the row.
CREATE INDEX waits_called ON durable.waits (run_id, path) WHERE child_id IS NOT NULL AND NOT active;
-- What is, or was, asked for, for people to look at.
CREATE INDEX waits_asked ON durable.waits (state, kind, id) WHERE kind IN ('event', 'any', 'all', 'input');
-- What people are asked for, by when the answer comes too late.
CREATE INDEX waits_inputs_timeout ON durable.waits (due_at, id) WHERE kind = 'input' AND state = 'open';

-- The mailbox: every event sent to a run, in the order sent, until the wait that takes it exists.
CREATE TABLE durable.events (
  run_id      uuid        NOT NULL,
  id          bigint      GENERATED ALWAYS AS IDENTITY,
  sent_at     timestamptz NOT NULL,
  -- The wait that it was given to.
  wait_id     uuid,
  -- Sent in a caller's transaction, without the run's lock: somebody has yet to look whether a wait asks for it.
  unmatched       boolean     NOT NULL DEFAULT false,
  name        text        NOT NULL,
  dedupe_key  text,
  -- The sender's number for it: one whose connection broke finds by it whether it has come. NULL: sent in a transaction.
  request     uuid,
  -- W3C traceparent of whoever sent it; NULL: not traced.
  traceparent text,
  payload     text        NOT NULL,
  PRIMARY KEY (run_id, id)
);
CREATE INDEX events_mailbox ON durable.events (run_id, name, id) WHERE wait_id IS NULL;
CREATE INDEX events_given ON durable.events (run_id, wait_id) WHERE wait_id IS NOT NULL;
CREATE INDEX events_unmatched ON durable.events (run_id) WHERE unmatched;
CREATE UNIQUE INDEX events_dedupe ON durable.events (run_id, dedupe_key) WHERE dedupe_key IS NOT NULL;

-- What clients have asked for and was done, written in the transaction that did it: one whose connection broke finds here
-- whether its change was made. Kept for an hour.
CREATE TABLE durable.requests (
  id      uuid        PRIMARY KEY,
  made_at timestamptz NOT NULL DEFAULT now()
);

-- One row a queue that some process works on or somebody has paused. The limits are those of the declaration in force;
-- `paused_at` is set by people only.
CREATE TABLE durable.queue_settings (
  queue               text        PRIMARY KEY,
  paused_at           timestamptz,
  global_concurrency  integer,
  rate_limit          integer,
  rate_period_ms      bigint,
  -- What the rate counts: first claims, or all.
  rate_counts         text        NOT NULL DEFAULT 'runs',
  priority_ageing_ms  integer,
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT queue_settings_limits CHECK (global_concurrency > 0 AND rate_limit > 0 AND rate_period_ms > 0),
  CONSTRAINT queue_settings_rate CHECK ((rate_limit IS NULL) = (rate_period_ms IS NULL)),
  CONSTRAINT queue_settings_rate_counts CHECK (rate_counts IN ('runs', 'attempts'))
);

-- Claims that the rate of a queue counts, in spans of a fiftieth of its period; what has left the period is
-- deleted by the next claim. A span counts until the last claim in it could have left the period, so that no window of
-- one period ever holds more than the limit.
CREATE TABLE durable.queue_rates (
  queue   text        NOT NULL,
  ends_at timestamptz NOT NULL,
  n       integer     NOT NULL,
  PRIMARY KEY (queue, ends_at)
) WITH (fillfactor = 50);

-- Workflows started by the clock: one row a schedule.
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

-- Who did what: one row an act of a person, by the dashboard or the command line, refused ones too. No payloads.
CREATE TABLE durable.audit (
  -- UUIDv7.
  id          uuid        PRIMARY KEY,
  at          timestamptz NOT NULL DEFAULT durable.clock(),
  -- NULL: not known.
  actor       text,
  -- Such as run.cancel.
  action      text        NOT NULL,
  -- 'run', 'workflow', 'schedule', 'queue'; NULL: none.
  target_kind text,
  target_id   text,
  outcome     text        NOT NULL,
  -- Of the error, where it was refused or failed.
  code        text,
  -- Reason, names, settings before and after.
  details     json,
  ip          text,
  CONSTRAINT audit_outcome CHECK (outcome IN ('done', 'refused', 'failed'))
);
CREATE INDEX audit_target ON durable.audit (target_kind, target_id, id);
CREATE INDEX audit_at ON durable.audit (at);

-- Acts on many runs, as the dashboard does them: what a preview has found, kept for whichever process is told to do it, and how
-- far that one has come.
CREATE TABLE durable.bulk_acts (
  -- Token of the preview.
  id      uuid        PRIMARY KEY,
  made_at timestamptz NOT NULL DEFAULT now(),
  -- Of the act, once a process has begun it: it is begun once. NULL: nobody has asked for it.
  job     uuid        UNIQUE,
  -- When that process last said how far it has come.
  seen_at timestamptz,
  runs    uuid[]      NOT NULL,
  -- JSON: what is to be done to them, and what became of it so far.
  act     text        NOT NULL,
  state   text,
  CONSTRAINT bulk_acts_begun CHECK ((job IS NULL) = (seen_at IS NULL) AND (job IS NULL) = (state IS NULL))
);

-- Figures of ended runs over time, added up by the processes that ended them, every few seconds: what a killed process had
-- not written yet is missing. `grain`: minutes that a row covers; fine rows are kept for a day, coarse ones for months.
-- `workflow`: '': all of them together.
CREATE TABLE durable.run_stats (
  grain         smallint    NOT NULL,
  at            timestamptz NOT NULL,
  workflow      text        NOT NULL,
  outcome       text        NOT NULL,
  -- Name of the error; '': none.
  error         text        NOT NULL,
  n             bigint      NOT NULL,
  -- Of all of them together, from the first claim to the end.
  ms            bigint      NOT NULL,
  -- Histograms: bucket floor(4 * log2(ms)), and how many runs are in it. Duration, and delay of the first claim.
  buckets       smallint[]  NOT NULL,
  counts        integer[]   NOT NULL,
  delay_buckets smallint[]  NOT NULL,
  delay_counts  integer[]   NOT NULL,
  PRIMARY KEY (grain, at, workflow, outcome, error),
  CONSTRAINT run_stats_grain CHECK (grain IN (1, 15, 120))
) WITH (fillfactor = 70);
