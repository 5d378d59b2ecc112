-- Where the traces of runs come from; functions that plan no query twice.

-- W3C traceparent of whoever started the run, or sent the event; NULL: that is not traced.
ALTER TABLE durable.workflow_executions ADD COLUMN traceparent text;
ALTER TABLE durable.events ADD COLUMN traceparent text;

-- The functions are as they were, but for the traceparent, and for their plans: kept by the session, and made once. (Functions
-- in SQL plan anew at each call before PostgreSQL 18, those in PL/pgSQL wherever a parameter is an array.)
ALTER FUNCTION durable.match_waits(uuid[]) SET plan_cache_mode = force_generic_plan;

-- Something that a suspended run waits for has come: ready if it sleeps, marked if it is held. The caller has the row's lock.
CREATE OR REPLACE FUNCTION durable.wake_run(run uuid) RETURNS TABLE (queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  UPDATE durable.workflow_queue q
  SET state = CASE WHEN q.state = 'sleeping' THEN 'ready' ELSE q.state END,
    due_at = CASE WHEN q.state = 'sleeping' THEN durable.clock() ELSE q.due_at END,
    resumed = q.resumed OR q.state <> 'ready',
    wake = (q.state = 'running')
  WHERE q.id = run
  RETURNING q.queue, q.paused, q.state;
END
$$;

-- (Processes of the version before, which live on during a deploy, give four arguments.)
DROP FUNCTION durable.send_event(uuid, text, text, text);

-- Sends an event to a run. `outcome`: 'sent', 'duplicate' (its dedupe key was used), 'unknown' (no such run), or the
-- status of a run that has ended. The rest says what the run's row is like where it can go on. Locks the row first, then
-- looks.
CREATE FUNCTION durable.send_event(to_run uuid, event text, body text, dedupe text, trace text DEFAULT NULL)
RETURNS TABLE (outcome text, queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
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
  INSERT INTO durable.events (run_id, sent_at, name, dedupe_key, payload, traceparent)
  VALUES (to_run, durable.clock(), event, dedupe, body, trace)
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
CREATE OR REPLACE FUNCTION durable.active_waits(runs uuid[])
RETURNS TABLE (
  run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, due_ms float8,
  names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text,
  child_error text, child_workflow text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.run_id, w.id, w.path, w.visit, w.attempt, w.key, w.kind, w.state,
    (extract(epoch FROM w.due_at) * 1000)::float8, w.names, w.child_id, w.spec, w.result,
    CASE WHEN w.state = 'done' AND w.kind IN ('event', 'any', 'all') THEN (
      SELECT json_agg(json_build_object('name', e.name, 'payload', e.payload, 'traceparent', e.traceparent) ORDER BY e.id)
      FROM durable.events e WHERE e.run_id = w.run_id AND e.wait_id = w.id
    ) END,
    c.status, CASE WHEN c.data_seq = 0 THEN c.input ELSE s.output END, c.error, c.workflow
  FROM durable.waits w
  LEFT JOIN durable.workflow_executions c ON c.id = w.child_id
  LEFT JOIN durable.step_executions s ON s.run_id = c.id AND s.seq = c.data_seq AND c.status <> 'active'
  WHERE w.run_id = ANY (runs) AND w.active
  ORDER BY w.run_id, w.id;
END
$$;

-- What the holder of runs reads of their waits: ends those whose time has come (the row decides between that and an
-- event that comes at the same moment), forgets the wake mark, and gives every wait that a next pass needs. A run whose
-- row is locked by somebody is left out; a row with a null id says of each of the others that it was looked at.
CREATE OR REPLACE FUNCTION durable.take_waits(holder integer, runs uuid[])
RETURNS TABLE (
  run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, due_ms float8,
  names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text,
  child_error text, child_workflow text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
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
  IF NOT FOUND THEN
    -- All that a crash of the server could lose is that the mark was forgotten: not worth a wait for the disk.
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  RETURN QUERY SELECT * FROM durable.active_waits(taken);
  RETURN QUERY
    SELECT t.id, NULL::uuid, NULL::text, NULL::integer, NULL::integer, NULL::text, NULL::text, NULL::text,
      NULL::float8, NULL::text[], NULL::uuid, NULL::text, NULL::text, NULL::json, NULL::text, NULL::text, NULL::text,
      NULL::text
    FROM unnest(taken) AS t(id);
END
$$;
