-- nest-durable, schema version 1.
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
  first_seen timestamptz NOT NULL DEFAULT now(),
  last_seen  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, hash),
  UNIQUE (name, version)
);

-- One row a process. It is the lease of all the runs the process holds: renewed by one single-row update a heartbeat,
-- however many runs there are.
CREATE TABLE durable.workers (
  id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  host         text        NOT NULL,
  pid          integer     NOT NULL,
  -- Names the set of process ids that `pid` belongs to (boot and PID namespace), and the process's own start, so that a
  -- neighbour on the same machine can tell a dead process for certain. NULL where the system does not tell.
  process_key  text,
  process_start text,
  version      text        NOT NULL,
  queues       text[]      NOT NULL,
  definitions  integer[]   NOT NULL,
  -- application_name of the process's listening session, once the server was seen to show it; NULL: cannot be watched.
  session_name text,
  started_at   timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  dead_at      timestamptz,
  -- The attempts that are running now, as JSON; shown to people, decides nothing.
  in_flight    text        NOT NULL DEFAULT '[]'
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
  snapshot        text,
  priority        integer     NOT NULL,
  workflow        text        NOT NULL,
  queue           text        NOT NULL,
  scheduled_at    timestamptz,
  parent_id       uuid,
  retry_of        uuid,
  idempotency_key text,
  tags            jsonb,
  input           text        NOT NULL,
  CONSTRAINT executions_status CHECK (status IN ('active', 'completed', 'failed', 'cancelled', 'compensated', 'compensation_failed')),
  CONSTRAINT executions_finished CHECK ((status = 'active') = (completed_at IS NULL)),
  CONSTRAINT executions_error CHECK (status NOT IN ('failed', 'cancelled', 'compensated', 'compensation_failed') OR error IS NOT NULL),
  CONSTRAINT executions_no_snapshot_after_end CHECK (status = 'active' OR snapshot IS NULL)
) WITH (fillfactor = 75);
CREATE INDEX executions_workflow ON durable.workflow_executions (workflow, id);
CREATE INDEX executions_error ON durable.workflow_executions (id) WHERE error IS NOT NULL;
CREATE INDEX executions_parent ON durable.workflow_executions (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX executions_idempotency ON durable.workflow_executions (workflow, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX executions_tags ON durable.workflow_executions USING gin (tags) WHERE tags IS NOT NULL;

-- The hot table: unfinished runs only, one narrow row each, and one for each step handed to another queue (`step_of`).
CREATE TABLE durable.workflow_queue (
  id            uuid        PRIMARY KEY,
  step_of       uuid,
  -- When it became ready; or, asleep, when it will be ('infinity': something else wakes it).
  due_at        timestamptz NOT NULL,
  -- When the run as a whole times out.
  deadline_at   timestamptz,
  -- First claim.
  started_at    timestamptz,
  -- The last record known when the run was last taken from a dead worker.
  progress_seq  bigint      NOT NULL DEFAULT 0,
  definition_id integer     NOT NULL,
  priority      integer     NOT NULL,
  token         integer     NOT NULL DEFAULT 0,
  worker_id     integer,
  recoveries    smallint    NOT NULL DEFAULT 0,
  paused        boolean     NOT NULL DEFAULT false,
  resumed       boolean     NOT NULL DEFAULT false,
  -- Something a suspended part of the run waits for has come while the run was held.
  wake          boolean     NOT NULL DEFAULT false,
  -- Another process waits for the end and wants a hint.
  watched       boolean     NOT NULL DEFAULT false,
  state         text        NOT NULL,
  queue         text        NOT NULL,
  -- For a handed-over step: which one, as JSON.
  step          text,
  CONSTRAINT queue_state CHECK (state IN ('ready', 'running', 'sleeping')),
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
CREATE INDEX queue_claim ON durable.workflow_queue (queue, definition_id, resumed DESC, priority DESC, due_at, id)
  WHERE state = 'ready' AND NOT paused;
CREATE INDEX queue_due ON durable.workflow_queue (due_at) WHERE state = 'sleeping' AND due_at < 'infinity';
CREATE INDEX queue_deadline ON durable.workflow_queue (deadline_at) WHERE deadline_at IS NOT NULL AND state <> 'running';
CREATE INDEX queue_worker ON durable.workflow_queue (worker_id) WHERE worker_id IS NOT NULL;
CREATE INDEX queue_step_of ON durable.workflow_queue (step_of) WHERE step_of IS NOT NULL;

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
  type         text        NOT NULL,
  status       text        NOT NULL,
  path         text        NOT NULL,
  -- NULL: returned nothing, the data went on unchanged.
  output       text,
  error        text,
  PRIMARY KEY (run_id, seq),
  CONSTRAINT steps_status CHECK (status IN ('completed', 'failed')),
  CONSTRAINT steps_error CHECK ((status = 'failed') = (error IS NOT NULL))
);
