-- The schema after all migrations, written by test/storage/schema.spec.ts.

CREATE OR REPLACE FUNCTION durable.active_waits(runs uuid[])
 RETURNS TABLE(run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, ended bigint, due_ms double precision, names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text, child_error text, child_workflow text)
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.run_id, w.id, w.path, w.visit, w.attempt, w.key, w.kind, w.state, w.ended,
    (extract(epoch FROM w.due_at) * 1000)::float8, w.names, w.child_id, w.spec, w.result,
    CASE WHEN w.state = 'done' AND w.kind IN ('event', 'any', 'all') THEN (
      SELECT json_agg(json_build_object('name', e.name, 'payload', e.payload, 'traceparent', e.traceparent) ORDER BY e.id)
      FROM durable.events e WHERE e.run_id = w.run_id AND e.wait_id = w.id
    ) END,
    c.status, CASE WHEN c.status = 'active' THEN NULL WHEN c.data_seq = 0 THEN c.input ELSE s.output END, c.error,
    c.workflow
  FROM durable.waits w
  LEFT JOIN durable.workflow_executions c ON c.id = w.child_id
  LEFT JOIN durable.step_executions s ON s.run_id = c.id AND s.seq = c.data_seq AND c.status <> 'active'
  WHERE w.run_id = ANY (runs) AND w.active
  ORDER BY w.run_id, w.id;
END
$function$;

CREATE TABLE durable.audit (
  id uuid NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT durable.clock(),
  actor text,
  action text NOT NULL,
  target_kind text,
  target_id text,
  outcome text NOT NULL,
  code text,
  details json,
  ip text
);

ALTER TABLE durable.audit ADD CONSTRAINT audit_outcome CHECK ((outcome = ANY (ARRAY['done'::text, 'refused'::text, 'failed'::text])));

ALTER TABLE durable.audit ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

CREATE INDEX audit_at ON durable.audit USING btree (at);

CREATE INDEX audit_target ON durable.audit USING btree (target_kind, target_id, id);

CREATE TABLE durable.bulk_acts (
  id uuid NOT NULL,
  made_at timestamp with time zone NOT NULL DEFAULT now(),
  job uuid,
  seen_at timestamp with time zone,
  runs uuid[] NOT NULL,
  act text NOT NULL,
  state text
);

ALTER TABLE durable.bulk_acts ADD CONSTRAINT bulk_acts_begun CHECK ((((job IS NULL) = (seen_at IS NULL)) AND ((job IS NULL) = (state IS NULL))));

ALTER TABLE durable.bulk_acts ADD CONSTRAINT bulk_acts_job_key UNIQUE (job);

ALTER TABLE durable.bulk_acts ADD CONSTRAINT bulk_acts_pkey PRIMARY KEY (id);

CREATE OR REPLACE FUNCTION durable.claim(of_queue text, definitions json, places integer, worker integer)
 RETURNS TABLE(taken uuid[], taken_by integer[], resumed uuid[])
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET enable_bitmapscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
BEGIN
  IF of_queue IS NULL OR NOT durable.enter_queue(of_queue, worker, false) THEN
    RETURN;
  END IF;
  WITH candidate AS MATERIALIZED (
    SELECT c.id, c.rank, d.run_as, d.timeout
    FROM json_to_recordset(definitions) AS d(id integer, run_as integer, timeout float8)
    CROSS JOIN LATERAL (
      SELECT q.id, q.rank
      FROM durable.workflow_queue q
      WHERE q.queue = of_queue AND q.definition_id = d.id AND q.state = 'ready' AND NOT q.paused
      ORDER BY q.rank, q.id
      LIMIT places
      FOR NO KEY UPDATE SKIP LOCKED
    ) c
    ORDER BY c.rank, c.id
    LIMIT places
  ), claimed AS (
    UPDATE durable.workflow_queue q
    SET state = 'running', worker_id = worker, token = q.token + 1, wake = false, definition_id = c.run_as,
      ran_by = CASE
        WHEN q.definition_id <> c.run_as AND q.token > 0 AND q.step_of IS NULL
        THEN durable.placed_by(q.id, q.ran_by, q.definition_id)
        ELSE q.ran_by END,
      started_at = COALESCE(q.started_at, durable.clock()),
      deadline_at = CASE
        WHEN q.started_at IS NULL AND q.step_of IS NULL THEN durable.clock() + c.timeout * interval '1 ms'
        ELSE q.deadline_at END
    FROM candidate c
    -- (Not `=`: see commit-group.sql.)
    WHERE q.id = ANY (ARRAY[c.id])
    RETURNING q.id, COALESCE(q.ran_by, q.definition_id) AS ran_by, c.rank, q.token > 1 AND q.step_of IS NULL AS goes_on
  )
  SELECT array_agg(c.id ORDER BY c.rank, c.id), array_agg(c.ran_by ORDER BY c.rank, c.id),
    array_agg(c.id) FILTER (WHERE c.goes_on)
  INTO taken, taken_by, resumed
  FROM claimed c;
  IF taken IS NOT NULL THEN
    RETURN NEXT;
  END IF;
END
$function$;

CREATE OR REPLACE FUNCTION durable.claimed_rows(taken uuid[], taken_by integer[], resumed uuid[])
 RETURNS TABLE(id uuid, run_id uuid, token integer, queue text, definition_id integer, ran_by integer, recoveries smallint, step text, cancel text, priority integer, deadline_in_ms double precision, fresh boolean, workflow text, input text, snapshot text, snapshot_seq bigint, round integer, parent_id uuid, schedule_time double precision, traceparent text, lag_ms double precision, age_ms double precision, now_ms double precision, is_read boolean, item json)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT q.id, COALESCE(q.step_of, q.id), q.token, q.queue, q.definition_id, c.ran_by, q.recoveries, q.step, q.cancel,
    x.priority,
    (extract(epoch FROM q.deadline_at - durable.clock()) * 1000)::float8,
    q.token = 1 AND q.step_of IS NULL,
    x.workflow, x.input, x.snapshot, x.snapshot_seq, x.round, x.parent_id,
    (extract(epoch FROM x.schedule_time) * 1000)::float8, x.traceparent,
    CASE WHEN isfinite(q.due_at) THEN (extract(epoch FROM durable.clock() - q.due_at) * 1000)::float8 END,
    (extract(epoch FROM durable.clock() - q.started_at) * 1000)::float8,
    (extract(epoch FROM durable.clock()) * 1000)::float8,
    resumed IS NOT NULL AND q.token > 1 AND q.step_of IS NULL AND x.snapshot_needs IS NOT NULL,
    NULL::json
  FROM unnest(taken, taken_by) WITH ORDINALITY AS c(id, ran_by, nth)
  CROSS JOIN LATERAL (SELECT * FROM durable.workflow_queue w WHERE w.id = c.id LIMIT 1) q
  CROSS JOIN LATERAL (
    SELECT e.workflow, e.input, e.snapshot, e.snapshot_seq, e.snapshot_needs, e.round, e.parent_id, e.priority, e.schedule_time,
      e.traceparent
    FROM durable.workflow_executions e
    WHERE e.id = COALESCE(q.step_of, q.id)
    LIMIT 1
  ) x
  ORDER BY c.nth;
  resumed := ARRAY(
    SELECT x.id
    FROM unnest(resumed) AS c(id)
    CROSS JOIN LATERAL (
      SELECT e.id FROM durable.workflow_executions e WHERE e.id = c.id AND e.snapshot_needs IS NOT NULL LIMIT 1) x);
  IF cardinality(resumed) = 0 THEN
    RETURN;
  END IF;
  PERFORM durable.end_due_waits(resumed);
  FOR id, item IN SELECT w.run_id, row_to_json(w) FROM durable.active_waits(resumed) w LOOP
    RETURN NEXT;
  END LOOP;
  FOR id, item IN
    SELECT x.id, row_to_json(s)
    FROM unnest(resumed) AS c(id)
    CROSS JOIN LATERAL (
      SELECT e.id, e.snapshot_seq, e.snapshot_needs FROM durable.workflow_executions e WHERE e.id = c.id LIMIT 1
    ) x
    CROSS JOIN LATERAL (
      SELECT r.seq, r.round, r.path, r.visit, r.attempt, r.type, r.status, r.facts, r.error, r.duration_ms,
        (extract(epoch FROM r.retry_at) * 1000)::float8 AS retry_at,
        CASE WHEN octet_length(r.output) <= 8192 THEN r.output END AS output, r.output IS NOT NULL AS has_output
      FROM (
        (SELECT * FROM durable.step_executions t WHERE t.run_id = x.id AND t.seq > x.snapshot_seq ORDER BY t.seq LIMIT 100)
        UNION ALL
        SELECT t.*
        FROM unnest(x.snapshot_needs) AS n(seq)
        CROSS JOIN LATERAL (
          SELECT * FROM durable.step_executions t WHERE t.run_id = x.id AND t.seq = n.seq LIMIT 1) t
      ) r
      ORDER BY r.seq
    ) s
  LOOP
    RETURN NEXT;
  END LOOP;
END
$function$;

CREATE OR REPLACE FUNCTION durable.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$SELECT now()$function$;

CREATE TABLE durable.declarations (
  id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL,
  subject text NOT NULL,
  definition_id integer NOT NULL,
  hash text NOT NULL,
  body text NOT NULL,
  in_force boolean NOT NULL DEFAULT false,
  last_seen timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE durable.declarations ADD CONSTRAINT declarations_kind CHECK ((kind = ANY (ARRAY['schedules'::text, 'queue'::text])));

ALTER TABLE durable.declarations ADD CONSTRAINT declarations_kind_subject_definition_id_hash_key UNIQUE (kind, subject, definition_id, hash);

ALTER TABLE durable.declarations ADD CONSTRAINT declarations_pkey PRIMARY KEY (id);

CREATE UNIQUE INDEX declarations_in_force ON durable.declarations USING btree (kind, subject) WHERE in_force;

CREATE OR REPLACE FUNCTION durable.end_due_waits(runs uuid[])
 RETURNS boolean
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
BEGIN
  WITH over AS MATERIALIZED (
    SELECT o.run_id, o.id, nextval('durable.wait_ends') AS ended
    FROM (
      SELECT v.run_id, v.id FROM durable.waits v
      WHERE v.run_id = ANY (runs) AND v.active AND v.state = 'open' AND v.due_at <= durable.clock()
      ORDER BY v.due_at, v.id
    ) o
  )
  UPDATE durable.waits w
  SET state = CASE WHEN w.kind = 'sleep' THEN 'done' ELSE 'timed_out' END,
    closed_at = durable.clock(),
    ended = o.ended,
    result = CASE WHEN w.kind = 'all' THEN (
      SELECT json_agg(n.name ORDER BY n.at)::text
      FROM unnest(w.names) WITH ORDINALITY AS n(name, at)
      WHERE EXISTS (
        SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.name = n.name AND m.wait_id IS NULL)
    ) END
  FROM over o
  WHERE w.run_id = ANY (ARRAY[o.run_id]) AND w.id = o.id;
  RETURN FOUND;
END
$function$;

CREATE OR REPLACE FUNCTION durable.enter_queue(name text, worker integer, counting boolean)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF NOT pg_try_advisory_xact_lock_shared('durable.workflow_queue'::regclass::oid::integer, hashtext(name)) THEN
    RETURN false;
  END IF;
  -- In a statement of its own, behind the lock: the caller's may see the queue as it was before a pause.
  RETURN EXISTS (SELECT FROM durable.workers w WHERE w.id = worker AND w.dead_at IS NULL)
    AND NOT EXISTS (
      SELECT FROM durable.queue_settings s
      WHERE s.queue = name
        AND (s.paused_at IS NOT NULL OR NOT counting AND (s.global_concurrency IS NOT NULL OR s.rate_limit IS NOT NULL)));
END
$function$;

CREATE TABLE durable.events (
  run_id uuid NOT NULL,
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  sent_at timestamp with time zone NOT NULL,
  wait_id uuid,
  unmatched boolean NOT NULL DEFAULT false,
  name text NOT NULL,
  dedupe_key text,
  request uuid,
  traceparent text,
  payload text NOT NULL
);

ALTER TABLE durable.events ADD CONSTRAINT events_pkey PRIMARY KEY (run_id, id);

CREATE UNIQUE INDEX events_dedupe ON durable.events USING btree (run_id, dedupe_key) WHERE (dedupe_key IS NOT NULL);

CREATE INDEX events_given ON durable.events USING btree (run_id, wait_id) WHERE (wait_id IS NOT NULL);

CREATE INDEX events_mailbox ON durable.events USING btree (run_id, name, id) WHERE (wait_id IS NULL);

CREATE INDEX events_unmatched ON durable.events USING btree (run_id) WHERE unmatched;

CREATE TABLE durable.instance (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  single boolean NOT NULL DEFAULT true
);

ALTER TABLE durable.instance ADD CONSTRAINT instance_pkey PRIMARY KEY (single);

ALTER TABLE durable.instance ADD CONSTRAINT instance_single_check CHECK (single);

CREATE OR REPLACE FUNCTION durable.is_mailbox_full(of_run uuid, event text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  SELECT EXISTS (
      SELECT FROM durable.events m WHERE m.run_id = of_run AND m.wait_id IS NULL ORDER BY m.run_id, m.name OFFSET 9999 LIMIT 1)
    AND NOT EXISTS (
      -- (OFFSET 0: nothing but the run's own waits is read, however small the tables were when this was planned.)
      SELECT FROM (SELECT w.state, w.kind, w.names FROM durable.waits w WHERE w.run_id = of_run AND w.active OFFSET 0) w
      WHERE w.state = 'open' AND w.kind IN ('event', 'any', 'all') AND event = ANY (w.names))
$function$;

CREATE OR REPLACE FUNCTION durable.is_vacant(name text)
 RETURNS boolean
 LANGUAGE sql
AS $function$
  SELECT pg_try_advisory_xact_lock('durable.workflow_queue'::regclass::oid::integer, hashtext(name))
$function$;

CREATE OR REPLACE FUNCTION durable.last_record(run uuid, step text)
 RETURNS bigint
 LANGUAGE sql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
  SELECT COALESCE((
    SELECT r.seq
    FROM durable.step_executions r, (SELECT substring(step FROM '"nextSeq":([0-9]{1,15})')::bigint AS seq) first
    WHERE r.run_id = run AND r.seq >= COALESCE(first.seq, 0)
      AND r.seq < COALESCE(first.seq + 1048576, 9223372036854775807)
    ORDER BY r.seq DESC LIMIT 1
  ), 0)
$function$;

CREATE OR REPLACE FUNCTION durable.leasing_workers()
 RETURNS SETOF integer
 LANGUAGE sql
 STABLE
AS $function$
  WITH RECURSIVE holder AS (
    (SELECT q.worker_id FROM durable.workflow_queue q WHERE q.worker_id IS NOT NULL ORDER BY q.worker_id LIMIT 1)
    UNION ALL
    SELECT next.worker_id
    FROM holder h
    CROSS JOIN LATERAL (
      SELECT q.worker_id FROM durable.workflow_queue q WHERE q.worker_id > h.worker_id ORDER BY q.worker_id LIMIT 1
    ) next
  )
  SELECT h.worker_id FROM holder h
$function$;

CREATE OR REPLACE FUNCTION durable.match_waits(runs uuid[], ended_runs uuid[] DEFAULT '{}'::uuid[], fresh_waits uuid[] DEFAULT NULL::uuid[], event text DEFAULT NULL::text)
 RETURNS TABLE(run uuid, queue text, paused boolean, state text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  one uuid;
  w record;
  taken bigint[];
  waiters uuid[] := '{}';
  waiting uuid[] := '{}';
  ids uuid[];
  only_ends boolean;
  looks refcursor;
  is_active boolean;
  came_at timestamptz;
  came bigint;
  done uuid[];
  done_at timestamptz[];
  done_by bigint[];
BEGIN
  IF cardinality(ended_runs) > 0 THEN
    SELECT COALESCE(array_agg(v.run_id), '{}'), COALESCE(array_agg(v.id), '{}') INTO waiters, waiting
    FROM durable.waits v
    WHERE v.child_id = ANY (ended_runs) AND v.active AND v.state = 'open';
    FOR one IN SELECT DISTINCT u.run_id FROM unnest(waiters) AS u(run_id) LOOP
      PERFORM FROM durable.workflow_queue q WHERE q.id = one FOR NO KEY UPDATE SKIP LOCKED;
      IF NOT FOUND AND EXISTS (SELECT FROM durable.workflow_queue q WHERE q.id = one) THEN
        RAISE EXCEPTION 'run % waits for one that ends here, and is locked', one USING ERRCODE = 'serialization_failure';
      END IF;
    END LOOP;
  END IF;
  FOR one, ids, only_ends IN
    SELECT u.run_id, CASE WHEN bool_and(u.id IS NOT NULL) THEN array_agg(u.id ORDER BY u.id) END, bool_and(u.is_end)
    FROM (
      SELECT g.run_id, g.id, false AS is_end FROM unnest(runs, fresh_waits) AS g(run_id, id)
      UNION ALL
      SELECT g.run_id, g.id, true FROM unnest(waiters, waiting) AS g(run_id, id)
    ) u
    GROUP BY u.run_id
    ORDER BY u.run_id
  LOOP
    done := '{}';
    done_at := '{}';
    done_by := '{}';
    looks := NULL;
    IF EXISTS (SELECT FROM durable.events m WHERE m.run_id = one AND m.unmatched) OR (ids IS NULL AND event IS NULL) THEN
      OPEN looks FOR
        SELECT v.id, v.kind, v.names, v.child_id
        FROM durable.waits v
        WHERE v.run_id = one AND v.active AND v.state = 'open' AND v.kind IN ('event', 'any', 'all', 'child')
        ORDER BY v.id
        FOR UPDATE;
    ELSIF ids IS NULL THEN
      OPEN looks FOR
        SELECT v.id, v.kind, v.names, v.child_id
        FROM durable.waits v
        WHERE v.run_id = one AND v.active AND v.state = 'open' AND v.kind IN ('event', 'any', 'all') AND event = ANY (v.names)
        ORDER BY v.id
        FOR UPDATE;
    ELSIF only_ends THEN
      SELECT COALESCE(array_agg(v.id), '{}'), COALESCE(array_agg(x.completed_at), '{}'), COALESCE(array_agg(NULL::bigint), '{}')
      INTO done, done_at, done_by
      FROM unnest(ids) AS u(id)
      CROSS JOIN LATERAL (
        SELECT o.id, o.child_id FROM durable.waits o WHERE o.run_id = one AND o.id = u.id AND o.state = 'open' LIMIT 1
        FOR UPDATE
      ) v
      CROSS JOIN LATERAL (
        SELECT e.completed_at FROM durable.workflow_executions e WHERE e.id = v.child_id AND e.status <> 'active' LIMIT 1
      ) x;
    ELSE
      OPEN looks FOR
        SELECT v.id, v.kind, v.names, v.child_id
        FROM unnest(ids) WITH ORDINALITY AS u(id, nth)
        CROSS JOIN LATERAL (
          SELECT o.id, o.kind, o.names, o.child_id
          FROM durable.waits o
          WHERE o.run_id = one AND o.id = u.id AND o.state = 'open' AND o.kind IN ('event', 'any', 'all', 'child')
          LIMIT 1
          FOR UPDATE
        ) v
        ORDER BY u.nth;
    END IF;
    IF looks IS NOT NULL THEN
      LOOP
        FETCH looks INTO w;
        EXIT WHEN NOT FOUND;
        IF w.kind = 'child' THEN
          SELECT x.status = 'active', x.completed_at, NULL INTO is_active, came_at, came
          FROM durable.workflow_executions x WHERE x.id = w.child_id;
          CONTINUE WHEN is_active;
        ELSE
          IF w.kind = 'all' THEN
            taken := ARRAY(
              SELECT e.id
              FROM unnest(w.names) AS n(name)
              CROSS JOIN LATERAL (
                SELECT m.id FROM durable.events m
                WHERE m.run_id = one AND m.name = n.name AND m.wait_id IS NULL
                ORDER BY m.id LIMIT 1
              ) e);
            CONTINUE WHEN cardinality(taken) < cardinality(w.names);
          ELSE
            taken := ARRAY(
              SELECT m.id FROM durable.events m
              WHERE m.run_id = one AND m.name = ANY (w.names) AND m.wait_id IS NULL
              ORDER BY m.id LIMIT 1);
            CONTINUE WHEN cardinality(taken) = 0;
          END IF;
          WITH given AS (
            UPDATE durable.events m SET wait_id = w.id WHERE m.run_id = one AND m.id = ANY (taken) RETURNING m.sent_at, m.id)
          SELECT max(g.sent_at), max(g.id) INTO came_at, came FROM given g;
        END IF;
        done := array_append(done, w.id);
        done_at := array_append(done_at, came_at);
        done_by := array_append(done_by, came);
        -- Of the waits for one event the first has it.
        EXIT WHEN event IS NOT NULL AND NOT EXISTS (
          SELECT FROM durable.events m WHERE m.run_id = one AND m.name = event AND m.wait_id IS NULL);
      END LOOP;
      CLOSE looks;
    END IF;
    IF cardinality(done) > 0 THEN
      WITH over AS MATERIALIZED (
        -- Events by their number, whatever the clock was set to between them; by time beside the ends of children.
        SELECT one AS run_id, o.id, nextval('durable.wait_ends') AS ended
        FROM (
          SELECT t.id
          FROM (
            SELECT u.id, u.by, CASE WHEN u.by IS NULL THEN u.at
              ELSE max(u.at) OVER (ORDER BY u.by NULLS LAST ROWS UNBOUNDED PRECEDING) END AS at
            FROM unnest(done, done_at, done_by) AS u(id, at, by)
          ) t
          ORDER BY t.at, t.by, t.id
        ) o
      )
      UPDATE durable.waits v SET state = 'done', closed_at = durable.clock(), ended = o.ended
      FROM over o
      -- (Not `= one`: each would be looked for among all waits of the run.)
      WHERE v.run_id = ANY (ARRAY[o.run_id]) AND v.id = o.id;
      RETURN QUERY SELECT one, k.queue, k.paused, k.state FROM durable.wake_run(one) k;
    END IF;
  END LOOP;
END
$function$;

CREATE TABLE durable.migrations (
  version integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE durable.migrations ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);

CREATE OR REPLACE FUNCTION durable.placed_by(run uuid, known integer, last integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
BEGIN
  IF known IS NOT NULL THEN
    RETURN known;
  END IF;
  -- (`snapshot_needs`: where steps on other queues number their own records it is NULL.)
  RETURN (
    SELECT last FROM durable.workflow_executions e
    WHERE e.id = run AND (
      e.snapshot_needs IS NULL
      OR EXISTS (SELECT FROM durable.step_executions s WHERE s.run_id = run AND s.seq > e.snapshot_seq)));
END
$function$;

CREATE OR REPLACE FUNCTION durable.places_taken(key text, whole boolean)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  IF whole THEN
    RETURN (
      SELECT count(*) FROM durable.workflow_queue q
      WHERE q.limit_key = key AND q.started_at IS NOT NULL AND q.step_of IS NULL);
  END IF;
  RETURN (SELECT count(*) FROM durable.workflow_queue q WHERE q.limit_key = key AND q.worker_id IS NOT NULL);
END
$function$;

CREATE TABLE durable.queue_rates (
  queue text NOT NULL,
  ends_at timestamp with time zone NOT NULL,
  n integer NOT NULL
) WITH (
  fillfactor=50
);

ALTER TABLE durable.queue_rates ADD CONSTRAINT queue_rates_pkey PRIMARY KEY (queue, ends_at);

CREATE TABLE durable.queue_settings (
  queue text NOT NULL,
  paused_at timestamp with time zone,
  global_concurrency integer,
  rate_limit integer,
  rate_period_ms bigint,
  rate_counts text NOT NULL DEFAULT 'runs'::text,
  priority_ageing_ms integer,
  updated_at timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE durable.queue_settings ADD CONSTRAINT queue_settings_limits CHECK (((global_concurrency > 0) AND (rate_limit > 0) AND (rate_period_ms > 0)));

ALTER TABLE durable.queue_settings ADD CONSTRAINT queue_settings_pkey PRIMARY KEY (queue);

ALTER TABLE durable.queue_settings ADD CONSTRAINT queue_settings_rate CHECK (((rate_limit IS NULL) = (rate_period_ms IS NULL)));

ALTER TABLE durable.queue_settings ADD CONSTRAINT queue_settings_rate_counts CHECK ((rate_counts = ANY (ARRAY['runs'::text, 'attempts'::text])));

CREATE OR REPLACE FUNCTION durable.reconcile(suspects uuid[], holder integer DEFAULT NULL::integer)
 RETURNS TABLE(run uuid, what text, queue text, paused boolean, state text)
 LANGUAGE sql
AS $function$
  WITH mended AS MATERIALIZED (
    SELECT * FROM durable.reconcile_unnoted(suspects, holder)
  ), noted AS (
    INSERT INTO spec.reconciled (run, what) SELECT m.run, m.what FROM mended m
  )
  SELECT m.run, m.what, m.queue, m.paused, m.state FROM mended m
$function$;

CREATE OR REPLACE FUNCTION durable.reconcile_unnoted(suspects uuid[], holder integer DEFAULT NULL::integer)
 RETURNS TABLE(run uuid, what text, queue text, paused boolean, state text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
  locked uuid[];
  one record;
  now_is record;
BEGIN
  locked := ARRAY(
    SELECT q.id FROM durable.workflow_queue q
    WHERE q.id = ANY (suspects) AND (holder IS NULL OR q.worker_id = holder)
    ORDER BY q.id
    FOR NO KEY UPDATE SKIP LOCKED);
  IF holder IS NOT NULL THEN
    RETURN QUERY
      UPDATE durable.workflow_queue q SET wake = true WHERE q.id = ANY (locked) AND NOT q.wake
      RETURNING q.id, 'mark', q.queue, q.paused, q.state;
    RETURN;
  END IF;
  FOR one IN
    -- One that waits for nothing any more has, as a rule, something that has ended.
    SELECT DISTINCT ON (u.id) u.id, u.run, u.what
    FROM durable.unsound(locked) u
    ORDER BY u.id, u.what <> 'over', u.what = 'nothing', u.what
  LOOP
    IF one.what = 'over' THEN
      DELETE FROM durable.workflow_queue q WHERE q.id = one.id;
      SELECT NULL::text AS queue, NULL::boolean AS paused, NULL::text AS state INTO now_is;
    ELSIF one.what = 'blocked' THEN
      UPDATE durable.workflow_queue q SET state = 'ready', limit_key = NULL WHERE q.id = one.id
      RETURNING q.queue, q.paused, q.state INTO now_is;
    ELSE
      SELECT k.queue, k.paused, k.state INTO now_is FROM durable.match_waits(ARRAY[one.id]) k;
      IF NOT FOUND THEN
        SELECT k.queue, k.paused, k.state INTO now_is FROM durable.wake_run(one.id) k;
      END IF;
    END IF;
    RETURN QUERY SELECT one.run, one.what, now_is.queue, now_is.paused, now_is.state;
  END LOOP;
END
$function$;

CREATE TABLE durable.requests (
  id uuid NOT NULL,
  made_at timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE durable.requests ADD CONSTRAINT requests_pkey PRIMARY KEY (id);

CREATE TABLE durable.run_stats (
  grain smallint NOT NULL,
  at timestamp with time zone NOT NULL,
  workflow text NOT NULL,
  outcome text NOT NULL,
  error text NOT NULL,
  n bigint NOT NULL,
  ms bigint NOT NULL,
  buckets smallint[] NOT NULL,
  counts integer[] NOT NULL,
  delay_buckets smallint[] NOT NULL,
  delay_counts integer[] NOT NULL
) WITH (
  fillfactor=70
);

ALTER TABLE durable.run_stats ADD CONSTRAINT run_stats_grain CHECK ((grain = ANY (ARRAY[1, 15, 120])));

ALTER TABLE durable.run_stats ADD CONSTRAINT run_stats_pkey PRIMARY KEY (grain, at, workflow, outcome, error);

CREATE OR REPLACE FUNCTION durable.run_status(stored text, state text, paused boolean, compensating boolean, started_at timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  SELECT CASE
    WHEN stored <> 'active' THEN stored
    WHEN compensating AND (state = 'running' OR NOT paused) THEN 'compensating'
    WHEN state = 'running' THEN 'running'
    WHEN paused THEN 'paused'
    WHEN state = 'sleeping' AND started_at IS NOT NULL THEN 'waiting'
    ELSE 'pending'
  END
$function$;

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

CREATE OR REPLACE FUNCTION durable.send_event(to_run uuid, event text, body text, dedupe text, trace text, number uuid, again boolean)
 RETURNS TABLE(outcome text, queue text, paused boolean, state text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  active boolean;
  result text;
BEGIN
  PERFORM FROM durable.workflow_queue q WHERE q.id = to_run AND q.step_of IS NULL FOR NO KEY UPDATE;
  active := FOUND;
  IF again AND EXISTS (SELECT FROM durable.events e WHERE e.run_id = to_run AND e.request = number) THEN
    result := 'sent';
  ELSIF active AND durable.is_mailbox_full(to_run, event) THEN
    IF dedupe IS NULL
      OR NOT EXISTS (SELECT FROM durable.events e WHERE e.run_id = to_run AND e.dedupe_key = dedupe) THEN
      result := 'full';
    END IF;
  ELSIF active THEN
    INSERT INTO durable.events (run_id, sent_at, name, dedupe_key, request, payload, traceparent)
    VALUES (to_run, durable.clock(), event, dedupe, number, body, trace)
    ON CONFLICT (run_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING;
    IF FOUND THEN
      result := 'sent';
      PERFORM durable.match_waits(ARRAY[to_run], event => event);
    END IF;
  -- A repeated delivery stays one, also after the run's end.
  ELSIF dedupe IS NULL
    OR NOT EXISTS (SELECT FROM durable.events e WHERE e.run_id = to_run AND e.dedupe_key = dedupe) THEN
    SELECT x.status INTO result FROM durable.workflow_executions x WHERE x.id = to_run;
    result := COALESCE(result, 'unknown');
  END IF;
  -- Also of a run that was ready before: a claim may have passed it over just now, since it was locked here.
  RETURN QUERY
    SELECT COALESCE(result, 'duplicate'), q.queue, q.paused, q.state
    FROM (SELECT) one
    LEFT JOIN durable.workflow_queue q ON result = 'sent' AND q.id = to_run AND (q.state = 'ready' OR q.wake);
END
$function$;

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
  input_item integer,
  type text NOT NULL,
  status text NOT NULL,
  path text NOT NULL,
  facts text,
  output text,
  error text,
  logs text,
  after_seq bigint,
  nth bigint
);

ALTER TABLE durable.step_executions ADD CONSTRAINT step_executions_pkey PRIMARY KEY (run_id, seq);

ALTER TABLE durable.step_executions ADD CONSTRAINT steps_error CHECK (((status = 'failed'::text) = (error IS NOT NULL)));

ALTER TABLE durable.step_executions ADD CONSTRAINT steps_status CHECK ((status = ANY (ARRAY['completed'::text, 'failed'::text])));

CREATE INDEX steps_apart ON durable.step_executions USING btree (run_id, type) WHERE ((type = 'forEach'::text) OR (nth IS NOT NULL));

CREATE OR REPLACE FUNCTION durable.take_waits(holder integer, runs uuid[])
 RETURNS TABLE(run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, ended bigint, due_ms double precision, names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text, child_error text, child_workflow text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  taken uuid[];
BEGIN
  taken := ARRAY(
    SELECT q.id FROM durable.workflow_queue q
    -- (COALESCE: not by the index of all rows of the worker.)
    WHERE q.id = ANY (runs) AND COALESCE(q.worker_id, 0) = holder
    ORDER BY q.id
    FOR NO KEY UPDATE SKIP LOCKED);
  UPDATE durable.workflow_queue q SET wake = false WHERE q.id = ANY (taken) AND q.wake;
  IF NOT durable.end_due_waits(taken) THEN
    -- All that a crash of the server could lose is that the mark was forgotten: not worth a wait for the disk.
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  RETURN QUERY SELECT * FROM durable.active_waits(taken);
  RETURN QUERY
    SELECT t.id, NULL::uuid, NULL::text, NULL::integer, NULL::integer, NULL::text, NULL::text, NULL::text,
      NULL::bigint, NULL::float8, NULL::text[], NULL::uuid, NULL::text, NULL::text, NULL::json, NULL::text, NULL::text, NULL::text,
      NULL::text
    FROM unnest(taken) AS t(id);
END
$function$;

CREATE OR REPLACE FUNCTION durable.unsound(rows uuid[])
 RETURNS TABLE(id uuid, run uuid, what text)
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT q.id, COALESCE(q.step_of, q.id), f.what
  FROM unnest(rows) AS r(id)
  CROSS JOIN LATERAL (
    SELECT o.id, o.step_of, o.state, o.due_at, o.started_at, o.heard, o.limit_key, o.definition_id
    FROM durable.workflow_queue o WHERE o.id = r.id LIMIT 1
  ) q
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN w.state <> 'open' THEN
        CASE WHEN q.state = 'sleeping' AND q.started_at IS NOT NULL AND w.ended > q.heard THEN 'ended' END
      WHEN w.kind = 'child' AND NOT EXISTS (
        SELECT FROM durable.workflow_executions x WHERE x.id = w.child_id AND x.status = 'active') THEN 'child'
      WHEN w.kind = 'all' AND NOT EXISTS (
        SELECT FROM unnest(w.names) AS n(name)
        WHERE NOT EXISTS (
          SELECT FROM durable.events m
          WHERE m.run_id = q.id AND m.name = n.name AND m.wait_id IS NULL AND NOT m.unmatched)) THEN 'event'
      WHEN w.kind IN ('event', 'any') AND EXISTS (
        SELECT FROM durable.events m
        WHERE m.run_id = q.id AND m.name = ANY (w.names) AND m.wait_id IS NULL AND NOT m.unmatched) THEN 'event'
      -- A commit that was late has counted the delay from a later time.
      -- Nobody needs it while its step is away on another queue: the loser of a race there, which the step sees when it comes back.
      WHEN q.state = 'sleeping' AND w.due_at <= durable.clock() AND q.due_at > w.due_at + interval '5 minutes'
        AND NOT EXISTS (
          -- As text: one that is no JSON would end the look at all of them.
          SELECT FROM durable.workflow_queue s
          WHERE s.step_of = q.id AND substring(s.step FROM '"path":("(?:[^"\\]|\\.)*")') = to_json(w.path)::text) THEN 'due'
    END AS what
    FROM durable.waits w
    WHERE q.step_of IS NULL AND w.run_id = q.id AND w.active
    UNION ALL
    SELECT 'nothing'
    WHERE q.state = 'sleeping' AND q.due_at = 'infinity' AND q.step_of IS NULL
      AND NOT EXISTS (SELECT FROM durable.waits w WHERE w.run_id = q.id AND w.active AND w.state = 'open')
      AND NOT EXISTS (SELECT FROM durable.workflow_queue s WHERE s.step_of = q.id)
    UNION ALL
    SELECT 'blocked'
    WHERE q.state = 'blocked' AND NOT EXISTS (
      SELECT FROM durable.workflow_definitions d
      WHERE d.id = q.definition_id AND starts_with(q.limit_key, d.name || E'\n'))
    UNION ALL
    SELECT 'over'
    WHERE NOT EXISTS (
        SELECT FROM durable.workflow_executions x WHERE x.id = COALESCE(q.step_of, q.id) AND x.status = 'active')
      OR q.step_of IS NOT NULL AND NOT EXISTS (SELECT FROM durable.workflow_queue o WHERE o.id = q.step_of)
  ) f
  WHERE f.what IS NOT NULL;
END
$function$;

CREATE TABLE durable.waits (
  run_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  closed_at timestamp with time zone,
  due_at timestamp with time zone,
  ended bigint,
  input_seq bigint NOT NULL,
  child_id uuid,
  input_item integer,
  round integer NOT NULL,
  visit integer NOT NULL,
  attempt integer NOT NULL,
  active boolean NOT NULL DEFAULT true,
  state text NOT NULL DEFAULT 'open'::text,
  kind text NOT NULL,
  type text NOT NULL,
  path text NOT NULL,
  key text NOT NULL,
  names text[] NOT NULL DEFAULT '{}'::text[],
  spec text,
  result text
);

ALTER TABLE durable.waits ADD CONSTRAINT waits_child CHECK (((kind = 'child'::text) = (child_id IS NOT NULL)));

ALTER TABLE durable.waits ADD CONSTRAINT waits_closed CHECK (((state = 'open'::text) = (closed_at IS NULL)));

ALTER TABLE durable.waits ADD CONSTRAINT waits_ended CHECK (((NOT active) OR ((state = 'open'::text) = (ended IS NULL))));

ALTER TABLE durable.waits ADD CONSTRAINT waits_kind CHECK ((kind = ANY (ARRAY['sleep'::text, 'event'::text, 'any'::text, 'all'::text, 'input'::text, 'child'::text])));

ALTER TABLE durable.waits ADD CONSTRAINT waits_open_is_active CHECK (((state <> 'open'::text) OR active));

ALTER TABLE durable.waits ADD CONSTRAINT waits_pkey PRIMARY KEY (run_id, id);

ALTER TABLE durable.waits ADD CONSTRAINT waits_state CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'timed_out'::text, 'cancelled'::text])));

CREATE INDEX waits_active ON durable.waits USING btree (run_id, id) WHERE active;

CREATE INDEX waits_asked ON durable.waits USING btree (state, kind, id) WHERE (kind = ANY (ARRAY['event'::text, 'any'::text, 'all'::text, 'input'::text]));

CREATE INDEX waits_called ON durable.waits USING btree (run_id, path) WHERE ((child_id IS NOT NULL) AND (NOT active));

CREATE INDEX waits_child ON durable.waits USING btree (child_id) WHERE ((child_id IS NOT NULL) AND active);

CREATE INDEX waits_inputs_timeout ON durable.waits USING btree (due_at, id) WHERE ((kind = 'input'::text) AND (state = 'open'::text));

CREATE OR REPLACE FUNCTION durable.wake_run(run uuid)
 RETURNS TABLE(queue text, paused boolean, state text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  UPDATE durable.workflow_queue q
  SET state = CASE WHEN q.state = 'sleeping' THEN 'ready' ELSE q.state END,
    due_at = CASE WHEN q.state = 'sleeping' THEN durable.clock() ELSE q.due_at END,
    wake = (q.state = 'running')
  WHERE q.id = run
  RETURNING q.queue, q.paused, q.state;
END
$function$;

CREATE TABLE durable.workers (
  id integer NOT NULL DEFAULT (((1)::double precision + floor((random() * (2147483646)::double precision))))::integer,
  host text NOT NULL,
  pid integer NOT NULL,
  process_key text,
  process_start text,
  version text NOT NULL,
  queues text[] NOT NULL,
  definitions integer[] NOT NULL,
  declarations integer[] NOT NULL DEFAULT '{}'::integer[],
  session_name text,
  started_at timestamp with time zone NOT NULL DEFAULT now(),
  seen_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  dead_at timestamp with time zone,
  in_flight text NOT NULL DEFAULT '[]'::text,
  capacity json NOT NULL DEFAULT '{}'::json,
  listening boolean NOT NULL DEFAULT false
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
  input_schema json,
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
  failed_step text,
  snapshot text,
  snapshot_needs bigint[],
  error_name text GENERATED ALWAYS AS ("substring"(error, '^\{"name":"((?:[^"\\]|\\.)*)"'::text)) STORED,
  error_status text GENERATED ALWAYS AS (
CASE
    WHEN (error IS NOT NULL) THEN status
    ELSE NULL::text
END) STORED,
  priority integer NOT NULL,
  workflow text NOT NULL,
  queue text NOT NULL,
  scheduled_at timestamp with time zone,
  schedule_time timestamp with time zone,
  schedule_name text,
  parent_id uuid,
  retry_of uuid,
  idempotency_key text,
  traceparent text,
  tags jsonb,
  input text NOT NULL
) WITH (
  fillfactor=75
);

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_error CHECK (((status <> ALL (ARRAY['failed'::text, 'cancelled'::text, 'compensated'::text, 'compensation_failed'::text])) OR (error IS NOT NULL)));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_finished CHECK (((status = 'active'::text) = (completed_at IS NULL)));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_no_snapshot_after_end CHECK (((status = 'active'::text) OR (snapshot IS NULL)));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT executions_status CHECK ((status = ANY (ARRAY['active'::text, 'completed'::text, 'failed'::text, 'cancelled'::text, 'compensated'::text, 'compensation_failed'::text])));

ALTER TABLE durable.workflow_executions ADD CONSTRAINT workflow_executions_pkey PRIMARY KEY (id);

CREATE INDEX executions_created ON durable.workflow_executions USING btree (workflow, queue, created_at, id);

CREATE INDEX executions_error ON durable.workflow_executions USING btree (created_at, id) INCLUDE (error_status, workflow, queue) WHERE (error IS NOT NULL);

CREATE INDEX executions_failure ON durable.workflow_executions USING btree (error_name, workflow, created_at, id) WHERE (error IS NOT NULL);

CREATE UNIQUE INDEX executions_idempotency ON durable.workflow_executions USING btree (workflow, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX executions_parent ON durable.workflow_executions USING btree (parent_id, created_at, id) WHERE (parent_id IS NOT NULL);

CREATE INDEX executions_retry ON durable.workflow_executions USING btree (retry_of) WHERE (retry_of IS NOT NULL);

CREATE INDEX executions_schedule ON durable.workflow_executions USING btree (schedule_name, created_at, id) WHERE (schedule_name IS NOT NULL);

CREATE INDEX executions_tags ON durable.workflow_executions USING gin (tags) WHERE (tags IS NOT NULL);

CREATE TABLE durable.workflow_queue (
  id uuid NOT NULL,
  step_of uuid,
  created_at timestamp with time zone NOT NULL DEFAULT durable.clock(),
  due_at timestamp with time zone NOT NULL,
  deadline_at timestamp with time zone,
  started_at timestamp with time zone,
  progress_seq bigint NOT NULL DEFAULT 0,
  heard bigint NOT NULL DEFAULT 0,
  definition_id integer NOT NULL,
  ran_by integer,
  priority integer NOT NULL,
  token integer NOT NULL DEFAULT 0,
  worker_id integer,
  recoveries smallint NOT NULL DEFAULT 0,
  ageing_ms integer,
  paused boolean NOT NULL DEFAULT false,
  wake boolean NOT NULL DEFAULT false,
  watched boolean NOT NULL DEFAULT false,
  compensating boolean NOT NULL DEFAULT false,
  state text NOT NULL,
  queue text NOT NULL,
  limit_key text,
  step text,
  because text,
  cancel text,
  rank bigint GENERATED ALWAYS AS (
CASE
    WHEN (state = ANY (ARRAY['ready'::text, 'blocked'::text])) THEN (
    CASE
        WHEN isfinite(due_at) THEN ((date_part('epoch'::text, (due_at - '2000-01-01 00:00:00+00'::timestamp with time zone)) * (1000)::double precision))::bigint
        ELSE (0)::bigint
    END - (((priority)::bigint +
    CASE
        WHEN (started_at IS NULL) THEN 0
        ELSE 1
    END) * COALESCE(ageing_ms, 60000)))
    ELSE NULL::bigint
END) STORED
) WITH (
  fillfactor=50,
  autovacuum_vacuum_scale_factor=0.02,
  autovacuum_vacuum_threshold=2000,
  autovacuum_analyze_scale_factor=0.1,
  autovacuum_analyze_threshold=5000,
  autovacuum_vacuum_cost_delay=0
);

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_because CHECK ((because = ANY (ARRAY['retry'::text, 'wait'::text, 'child'::text, 'step'::text])));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_lease CHECK (((state = 'running'::text) = (worker_id IS NOT NULL)));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_state CHECK ((state = ANY (ARRAY['ready'::text, 'running'::text, 'sleeping'::text, 'blocked'::text])));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT queue_step CHECK (((step_of IS NULL) = (step IS NULL)));

ALTER TABLE durable.workflow_queue ADD CONSTRAINT workflow_queue_pkey PRIMARY KEY (id);

CREATE INDEX queue_blocked ON durable.workflow_queue USING btree (limit_key, queue, rank, id) WHERE ((state = 'blocked'::text) AND (NOT paused));

CREATE INDEX queue_claim ON durable.workflow_queue USING btree (queue, definition_id, rank, id) WHERE ((state = 'ready'::text) AND (NOT paused));

CREATE INDEX queue_deadline ON durable.workflow_queue USING btree (deadline_at) WHERE ((deadline_at IS NOT NULL) AND (state <> 'running'::text) AND (step_of IS NULL) AND (cancel IS NULL) AND (NOT compensating));

CREATE INDEX queue_definition ON durable.workflow_queue USING btree (definition_id) WHERE 
CASE
    WHEN (state = 'ready'::text) THEN paused
    ELSE (state <> 'running'::text)
END;

CREATE INDEX queue_due ON durable.workflow_queue USING btree (due_at) WHERE ((state = 'sleeping'::text) AND (due_at < 'infinity'::timestamp with time zone));

CREATE INDEX queue_limit_begun ON durable.workflow_queue USING btree (limit_key) WHERE ((limit_key IS NOT NULL) AND (started_at IS NOT NULL) AND (step_of IS NULL));

CREATE INDEX queue_limit_held ON durable.workflow_queue USING btree (limit_key) WHERE ((limit_key IS NOT NULL) AND (worker_id IS NOT NULL));

CREATE INDEX queue_resumed ON durable.workflow_queue USING btree (queue, definition_id, rank, id) WHERE ((state = 'ready'::text) AND (NOT paused) AND (started_at IS NOT NULL));

CREATE INDEX queue_retrying ON durable.workflow_queue USING btree (created_at, id) WHERE ((because = 'retry'::text) AND (state = 'sleeping'::text));

CREATE INDEX queue_step_of ON durable.workflow_queue USING btree (step_of) WHERE (step_of IS NOT NULL);

CREATE INDEX queue_worker ON durable.workflow_queue USING btree (worker_id) WHERE (worker_id IS NOT NULL);
