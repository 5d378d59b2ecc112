-- The schema after all migrations, written by test/storage/schema.spec.ts.

CREATE OR REPLACE FUNCTION durable.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$SELECT now()$function$;

CREATE TABLE durable.instance (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  single boolean NOT NULL DEFAULT true
);

ALTER TABLE durable.instance ADD CONSTRAINT instance_pkey PRIMARY KEY (single);

ALTER TABLE durable.instance ADD CONSTRAINT instance_single_check CHECK (single);

CREATE TABLE durable.migrations (
  version integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE durable.migrations ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);

CREATE TABLE durable.scheduled_workflows (
  name text NOT NULL,
  id uuid NOT NULL,
  workflow text NOT NULL,
  from_code boolean NOT NULL,
  cron text NOT NULL,
  timezone text NOT NULL,
  input text NOT NULL,
  queue text,
  overlap text NOT NULL,
  catch_up text NOT NULL,
  catch_up_window bigint NOT NULL,
  catch_up_limit integer NOT NULL,
  declared text NOT NULL,
  overridden text[] NOT NULL DEFAULT '{}'::text[],
  enabled boolean NOT NULL,
  next_run_at timestamp with time zone,
  last_run_at timestamp with time zone,
  last_error text,
  last_error_at timestamp with time zone,
  consecutive_failures integer NOT NULL DEFAULT 0,
  auto_disabled_at timestamp with time zone,
  removed_at timestamp with time zone,
  open_runs uuid[] NOT NULL DEFAULT '{}'::uuid[],
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL
) WITH (
  fillfactor=70
);

ALTER TABLE durable.scheduled_workflows ADD CONSTRAINT scheduled_workflows_pkey PRIMARY KEY (name);

ALTER TABLE durable.scheduled_workflows ADD CONSTRAINT schedules_auto_disabled CHECK ((NOT (enabled AND (auto_disabled_at IS NOT NULL))));

ALTER TABLE durable.scheduled_workflows ADD CONSTRAINT schedules_catch_up CHECK ((catch_up = ANY (ARRAY['latest'::text, 'all'::text, 'none'::text])));

ALTER TABLE durable.scheduled_workflows ADD CONSTRAINT schedules_cron CHECK ((length(cron) <= 256));

ALTER TABLE durable.scheduled_workflows ADD CONSTRAINT schedules_next CHECK (((enabled AND (removed_at IS NULL)) = (next_run_at IS NOT NULL)));

ALTER TABLE durable.scheduled_workflows ADD CONSTRAINT schedules_overlap CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text])));

CREATE INDEX schedules_due ON durable.scheduled_workflows USING btree (next_run_at) WHERE (next_run_at IS NOT NULL);

CREATE TABLE durable.step_executions (
  run_id uuid NOT NULL,
  seq bigint NOT NULL,
  input_seq bigint NOT NULL,
  completed_at timestamp with time zone NOT NULL,
  retry_at timestamp with time zone,
  token integer NOT NULL,
  round integer NOT NULL,
  visit integer NOT NULL,
  attempt integer NOT NULL,
  duration_ms integer NOT NULL,
  type text NOT NULL,
  status text NOT NULL,
  path text NOT NULL,
  output text,
  error text
);

ALTER TABLE durable.step_executions ADD CONSTRAINT step_executions_pkey PRIMARY KEY (run_id, seq);

ALTER TABLE durable.step_executions ADD CONSTRAINT steps_error CHECK (((status = 'failed'::text) = (error IS NOT NULL)));

ALTER TABLE durable.step_executions ADD CONSTRAINT steps_status CHECK ((status = ANY (ARRAY['completed'::text, 'failed'::text])));

CREATE TABLE durable.workers (
  id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  host text NOT NULL,
  pid integer NOT NULL,
  process_key text,
  process_start text,
  version text NOT NULL,
  queues text[] NOT NULL,
  definitions integer[] NOT NULL,
  session_name text,
  started_at timestamp with time zone NOT NULL DEFAULT now(),
  seen_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  dead_at timestamp with time zone,
  in_flight text NOT NULL DEFAULT '[]'::text
) WITH (
  fillfactor=50
);

ALTER TABLE durable.workers ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE INDEX workers_dead ON durable.workers USING btree (id) WHERE (dead_at IS NOT NULL);

CREATE TABLE durable.workflow_definitions (
  id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL,
  version integer NOT NULL,
  hash text NOT NULL,
  definition json NOT NULL,
  first_seen timestamp with time zone NOT NULL DEFAULT now(),
  last_seen timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE durable.workflow_definitions ADD CONSTRAINT workflow_definitions_name_hash_key UNIQUE (name, hash);

ALTER TABLE durable.workflow_definitions ADD CONSTRAINT workflow_definitions_name_version_key UNIQUE (name, version);

ALTER TABLE durable.workflow_definitions ADD CONSTRAINT workflow_definitions_pkey PRIMARY KEY (id);

CREATE TABLE durable.workflow_executions (
  id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  completed_at timestamp with time zone,
  data_seq bigint NOT NULL DEFAULT 0,
  snapshot_seq bigint NOT NULL DEFAULT 0,
  round integer NOT NULL DEFAULT 1,
  definition_id integer NOT NULL,
  end_token integer,
  status text NOT NULL DEFAULT 'active'::text,
  error text,
  snapshot text,
  priority integer NOT NULL,
  workflow text NOT NULL,
  queue text NOT NULL,
  scheduled_at timestamp with time zone,
  parent_id uuid,
  retry_of uuid,
  idempotency_key text,
  tags jsonb,
  input text NOT NULL,
  schedule_time timestamp with time zone
) WITH (
  fillfactor=75
);

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_error CHECK (((status <> ALL (ARRAY['failed'::text, 'cancelled'::text, 'compensated'::text, 'compensation_failed'::text])) OR (error IS NOT NULL)));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_finished CHECK (((status = 'active'::text) = (completed_at IS NULL)));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_no_snapshot_after_end CHECK (((status = 'active'::text) OR (snapshot IS NULL)));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_status CHECK ((status = ANY (ARRAY['active'::text, 'completed'::text, 'failed'::text, 'cancelled'::text, 'compensated'::text, 'compensation_failed'::text])));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT workflow_executions_pkey PRIMARY KEY (id);

CREATE INDEX executions_error ON durable.workflow_executions USING btree (id) WHERE (error IS NOT NULL);

CREATE UNIQUE INDEX executions_idempotency ON durable.workflow_executions USING btree (workflow, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX executions_parent ON durable.workflow_executions USING btree (parent_id, id) WHERE (parent_id IS NOT NULL);

CREATE INDEX executions_tags ON durable.workflow_executions USING gin (tags) WHERE (tags IS NOT NULL);

CREATE INDEX executions_workflow ON durable.workflow_executions USING btree (workflow, id);

CREATE TABLE durable.workflow_queue (
  id uuid NOT NULL,
  step_of uuid,
  due_at timestamp with time zone NOT NULL,
  deadline_at timestamp with time zone,
  started_at timestamp with time zone,
  progress_seq bigint NOT NULL DEFAULT 0,
  definition_id integer NOT NULL,
  priority integer NOT NULL,
  token integer NOT NULL DEFAULT 0,
  worker_id integer,
  recoveries smallint NOT NULL DEFAULT 0,
  paused boolean NOT NULL DEFAULT false,
  resumed boolean NOT NULL DEFAULT false,
  wake boolean NOT NULL DEFAULT false,
  watched boolean NOT NULL DEFAULT false,
  state text NOT NULL,
  queue text NOT NULL,
  step text
) WITH (
  fillfactor=50,
  autovacuum_vacuum_scale_factor=0.02,
  autovacuum_vacuum_threshold=2000,
  autovacuum_analyze_scale_factor=0.1,
  autovacuum_analyze_threshold=5000,
  autovacuum_vacuum_cost_delay=0
);

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_lease CHECK (((state = 'running'::text) = (worker_id IS NOT NULL)));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_state CHECK ((state = ANY (ARRAY['ready'::text, 'running'::text, 'sleeping'::text])));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_step CHECK (((step_of IS NULL) = (step IS NULL)));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT workflow_queue_pkey PRIMARY KEY (id);

CREATE INDEX queue_claim ON durable.workflow_queue USING btree (queue, definition_id, resumed DESC, priority DESC, due_at, id) WHERE ((state = 'ready'::text) AND (NOT paused));

CREATE INDEX queue_deadline ON durable.workflow_queue USING btree (deadline_at) WHERE ((deadline_at IS NOT NULL) AND (state <> 'running'::text));

CREATE INDEX queue_due ON durable.workflow_queue USING btree (due_at) WHERE ((state = 'sleeping'::text) AND (due_at < 'infinity'::timestamp with time zone));

CREATE INDEX queue_step_of ON durable.workflow_queue USING btree (step_of) WHERE (step_of IS NOT NULL);

CREATE INDEX queue_worker ON durable.workflow_queue USING btree (worker_id) WHERE (worker_id IS NOT NULL);
