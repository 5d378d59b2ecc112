-- nest-durable, schema version 2: arms, loops, sagas, waits, events, human input and children.

-- An item of a loop has as its data one element of the array that is the output of `input_seq`.
ALTER TABLE durable.step_executions ADD COLUMN input_item integer;
-- What a record says beside its output, as JSON: where a decision jumps to, the arm a branch has chosen, and the like.
ALTER TABLE durable.step_executions ADD COLUMN facts text;

-- The round is being undone.
ALTER TABLE durable.workflow_queue ADD COLUMN compensating boolean NOT NULL DEFAULT false;
-- It is to be cancelled, and what it did undone: the encoded error. Whoever holds the run begins the rollback.
ALTER TABLE durable.workflow_queue ADD COLUMN cancel text;

-- What steps wait for. A row is written in the commit that suspends the step (or notes the wait of one arm), and stays
-- as history. `active`: the visit of the step that asked is not over, so that its next pass needs the answer.
CREATE TABLE durable.waits (
  run_id     uuid        NOT NULL,
  id         uuid        NOT NULL,
  created_at timestamptz NOT NULL,
  closed_at  timestamptz,
  -- Sleeps: when it is over. Others: when it times out; NULL: never.
  due_at     timestamptz,
  child_id   uuid,
  round      integer     NOT NULL,
  visit      integer     NOT NULL,
  attempt    integer     NOT NULL,
  active     boolean     NOT NULL DEFAULT true,
  state      text        NOT NULL DEFAULT 'open',
  kind       text        NOT NULL,
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
  CONSTRAINT waits_child CHECK ((kind = 'child') = (child_id IS NOT NULL))
);
-- What a resumed run reads: few rows, however many waits it has behind it.
CREATE INDEX waits_active ON durable.waits (run_id, id) WHERE active;
CREATE INDEX waits_child ON durable.waits (child_id) WHERE child_id IS NOT NULL AND state = 'open';
CREATE INDEX waits_inputs ON durable.waits (id) WHERE kind = 'input';
CREATE INDEX waits_inputs_open ON durable.waits (id) WHERE kind = 'input' AND state = 'open';
CREATE INDEX waits_events_open ON durable.waits (id) WHERE kind IN ('event', 'any', 'all') AND state = 'open';

-- The mailbox: every event sent to a run, in the order sent, until the wait that takes it exists.
CREATE TABLE durable.events (
  run_id     uuid        NOT NULL,
  id         bigint      GENERATED ALWAYS AS IDENTITY,
  sent_at    timestamptz NOT NULL,
  -- The wait that it was given to.
  wait_id    uuid,
  -- Sent in a caller's transaction, without the run's lock: somebody has yet to look whether a wait asks for it.
  loose      boolean     NOT NULL DEFAULT false,
  name       text        NOT NULL,
  dedupe_key text,
  payload    text        NOT NULL,
  PRIMARY KEY (run_id, id)
);
CREATE INDEX events_mailbox ON durable.events (run_id, name, id) WHERE wait_id IS NULL;
CREATE INDEX events_given ON durable.events (run_id, wait_id) WHERE wait_id IS NOT NULL;
CREATE INDEX events_loose ON durable.events (run_id) WHERE loose;
CREATE UNIQUE INDEX events_dedupe ON durable.events (run_id, dedupe_key) WHERE dedupe_key IS NOT NULL;

-- Something that a suspended run waits for has come: ready if it sleeps, marked if it is held. The caller has the row's lock.
CREATE FUNCTION durable.wake_run(run uuid) RETURNS TABLE (queue text, paused boolean, state text)
LANGUAGE sql VOLATILE AS $$
  UPDATE durable.workflow_queue q
  SET state = CASE WHEN q.state = 'sleeping' THEN 'ready' ELSE q.state END,
    due_at = CASE WHEN q.state = 'sleeping' THEN durable.clock() ELSE q.due_at END,
    resumed = q.resumed OR q.state <> 'ready',
    wake = (q.state = 'running')
  WHERE q.id = run
  RETURNING q.queue, q.paused, q.state
$$;

-- (The planner settings of the functions: their plans are kept, and one made while the tables were small must not scan
-- them when they are large.)
--
-- Gives runs what their open waits ask for, where it is there: events of the mailbox in the order sent, each to the first
-- wait that asks; the ends of children. The caller has locked the runs' rows in the queue in a statement before this one:
-- each query of a volatile function sees what was committed when it began, so nothing falls between the two.
CREATE FUNCTION durable.match_waits(runs uuid[]) RETURNS TABLE (run uuid, queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  one uuid;
  w record;
  taken bigint[];
  woke boolean;
BEGIN
  FOR one IN SELECT DISTINCT r FROM unnest(runs) AS u(r) ORDER BY r LOOP
    woke := false;
    FOR w IN
      SELECT v.id, v.kind, v.names, v.child_id
      FROM durable.waits v
      WHERE v.run_id = one AND v.active AND v.state = 'open' AND v.kind IN ('event', 'any', 'all', 'child')
      ORDER BY v.id
      FOR UPDATE
    LOOP
      IF w.kind = 'child' THEN
        CONTINUE WHEN NOT EXISTS (
          SELECT FROM durable.workflow_executions x WHERE x.id = w.child_id AND x.status <> 'active');
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
        UPDATE durable.events m SET wait_id = w.id WHERE m.run_id = one AND m.id = ANY (taken);
      END IF;
      UPDATE durable.waits v SET state = 'done', closed_at = durable.clock() WHERE v.run_id = one AND v.id = w.id;
      woke := true;
    END LOOP;
    IF woke THEN
      RETURN QUERY SELECT one, k.queue, k.paused, k.state FROM durable.wake_run(one) k;
    END IF;
  END LOOP;
END
$$;

-- Sends an event to a run. `outcome`: 'sent', 'duplicate' (its dedupe key was used), 'unknown' (no such run), or the
-- status of a run that has ended. The rest says what the run's row is like where it can go on. Locks the row first, then
-- looks.
CREATE FUNCTION durable.send_event(to_run uuid, event text, body text, dedupe text)
RETURNS TABLE (outcome text, queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  ended text;
BEGIN
  PERFORM FROM durable.workflow_queue q WHERE q.id = to_run AND q.step_of IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    -- A repeated delivery stays one, also after the run's end.
    IF dedupe IS NOT NULL AND EXISTS (
      SELECT FROM durable.events e WHERE e.run_id = to_run AND e.dedupe_key = dedupe) THEN
      RETURN QUERY SELECT 'duplicate'::text, NULL::text, NULL::boolean, NULL::text;
      RETURN;
    END IF;
    SELECT x.status INTO ended FROM durable.workflow_executions x WHERE x.id = to_run;
    RETURN QUERY SELECT COALESCE(ended, 'unknown'), NULL::text, NULL::boolean, NULL::text;
    RETURN;
  END IF;
  INSERT INTO durable.events (run_id, sent_at, name, dedupe_key, payload)
  VALUES (to_run, durable.clock(), event, dedupe, body)
  ON CONFLICT (run_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'duplicate'::text, NULL::text, NULL::boolean, NULL::text;
    RETURN;
  END IF;
  PERFORM durable.match_waits(ARRAY[to_run]);
  -- Also of a run that was ready before: a claim may have passed it over just now, since it was locked here.
  RETURN QUERY
    SELECT 'sent'::text, q.queue, q.paused, q.state
    FROM (SELECT) one
    LEFT JOIN durable.workflow_queue q ON q.id = to_run AND (q.state = 'ready' OR q.wake);
END
$$;

-- The waits of runs that a next pass of their steps needs.
CREATE FUNCTION durable.active_waits(runs uuid[])
RETURNS TABLE (
  run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, due_ms float8,
  names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text,
  child_error text, child_workflow text)
LANGUAGE sql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  SELECT w.run_id, w.id, w.path, w.visit, w.attempt, w.key, w.kind, w.state,
    (extract(epoch FROM w.due_at) * 1000)::float8, w.names, w.child_id, w.spec, w.result,
    CASE WHEN w.state = 'done' AND w.kind IN ('event', 'any', 'all') THEN (
      SELECT json_agg(json_build_object('name', e.name, 'payload', e.payload) ORDER BY e.id)
      FROM durable.events e WHERE e.run_id = w.run_id AND e.wait_id = w.id
    ) END,
    c.status, CASE WHEN c.data_seq = 0 THEN c.input ELSE s.output END, c.error, c.workflow
  FROM durable.waits w
  LEFT JOIN durable.workflow_executions c ON c.id = w.child_id
  LEFT JOIN durable.step_executions s ON s.run_id = c.id AND s.seq = c.data_seq AND c.status <> 'active'
  WHERE w.run_id = ANY (runs) AND w.active
  ORDER BY w.run_id, w.id
$$;

-- What the holder of runs reads of their waits: ends those whose time has come (the row decides between that and an
-- event that comes at the same moment), forgets the wake mark, and gives every wait that a next pass needs. A run whose
-- row is locked by somebody is left out; a row with a null id says of each of the others that it was looked at.
CREATE FUNCTION durable.take_waits(holder integer, runs uuid[])
RETURNS TABLE (
  run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, due_ms float8,
  names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text,
  child_error text, child_workflow text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  taken uuid[];
BEGIN
  taken := ARRAY(
    SELECT q.id FROM durable.workflow_queue q
    WHERE q.id = ANY (runs) AND q.worker_id = holder
    ORDER BY q.id
    FOR NO KEY UPDATE SKIP LOCKED);
  UPDATE durable.workflow_queue q SET wake = false WHERE q.id = ANY (taken) AND q.wake;
  UPDATE durable.waits w
  SET state = CASE WHEN w.kind = 'sleep' THEN 'done' ELSE 'timed_out' END,
    closed_at = durable.clock(),
    result = CASE WHEN w.kind = 'all' THEN (
      SELECT json_agg(n.name)::text
      FROM unnest(w.names) AS n(name)
      WHERE EXISTS (
        SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.name = n.name AND m.wait_id IS NULL)
    ) END
  WHERE w.run_id = ANY (taken) AND w.active AND w.state = 'open' AND w.due_at <= durable.clock();
  RETURN QUERY SELECT * FROM durable.active_waits(taken);
  RETURN QUERY
    SELECT t.id, NULL::uuid, NULL::text, NULL::integer, NULL::integer, NULL::text, NULL::text, NULL::text,
      NULL::float8, NULL::text[], NULL::uuid, NULL::text, NULL::text, NULL::json, NULL::text, NULL::text, NULL::text,
      NULL::text
    FROM unnest(taken) AS t(id);
END
$$;
