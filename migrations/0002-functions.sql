-- The functions of nest-durable.
--
-- The planner settings that each has: its plans are made once and kept by the session, and one made while the tables were
-- small must not scan them when they are large. (Functions in SQL plan anew at each call before PostgreSQL 18, those in
-- PL/pgSQL wherever a parameter is an array and plan_cache_mode does not say otherwise.)

-- The status of a run (lib/core/run/status.ts): `stored` is that of its row in workflow_executions, which says 'active' of every
-- unfinished one; the rest is in its row of the queue. Inlined by the planner: costs no call.
CREATE FUNCTION durable.run_status(stored text, state text, paused boolean, compensating boolean, started_at timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN stored <> 'active' THEN stored
    WHEN compensating AND (state = 'running' OR NOT paused) THEN 'compensating'
    WHEN state = 'running' THEN 'running'
    WHEN paused THEN 'paused'
    WHEN state = 'sleeping' AND started_at IS NOT NULL THEN 'waiting'
    ELSE 'pending'
  END
$$;

-- The numbers of workers that rows are leased under, found by stepping through queue_worker: one probe for each worker.
CREATE FUNCTION durable.leasing_workers() RETURNS SETOF integer
LANGUAGE sql STABLE AS $$
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
$$;

-- The highest number in the journal of a run, or of a step that another queue has (`step`: its row's text): in the span
-- of 2^20 numbers that is kept free for it. 0: none.
CREATE FUNCTION durable.last_record(run uuid, step text) RETURNS bigint
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
  SELECT COALESCE((
    SELECT r.seq
    FROM durable.step_executions r, (SELECT substring(step FROM '"nextSeq":([0-9]{1,15})')::bigint AS seq) first
    WHERE r.run_id = run AND r.seq >= COALESCE(first.seq, 0)
      AND r.seq < COALESCE(first.seq + 1048576, 9223372036854775807)
    ORDER BY r.seq DESC LIMIT 1
  ), 0)
$$;

-- Something that a suspended run waits for has come: ready if it sleeps, marked if it is leased. The caller has the row's lock.
CREATE FUNCTION durable.wake_run(run uuid) RETURNS TABLE (queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- Gives runs what their open waits ask for, where it is there: events of the mailbox in the order sent, each to the first
-- wait that asks; the ends of children, or that they are not there. Waits that end together end in the order in which that
-- came. The caller has locked the runs' rows in the queue in a statement before this one: each query of a volatile function
-- sees what was committed when it began, so nothing falls between the two.
--   ended_runs  those that the caller's transaction has ended: whoever waits for one of them goes on too. Those that were
--               known before are locked (lock-waiters.sql, run-tree.sql); one that came in between is locked here or, where
--               somebody has it, the transaction begins anew. From here on nobody comes: who waits for a run locks its
--               row in history first. Of a run that is not in `runs` only these waits are looked at: the ends of a thousand
--               children, one by one, look at a thousand waits, not at half a million.
--   fresh_waits to each of `runs` (which may be there several times) a wait that the transaction has registered: of that run
--               no others are looked at, since those from before had their look when they, or an event, came. NULL: all are
--   event       nothing has come but an event of this name: only waits that ask for it are looked at. NULL: all are
-- Where an event of a transaction is not joined yet, all waits are looked at: it comes first if it was sent before.
CREATE FUNCTION durable.match_waits(
  runs uuid[], ended_runs uuid[] DEFAULT '{}', fresh_waits uuid[] DEFAULT NULL, event text DEFAULT NULL)
RETURNS TABLE (run uuid, queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- What should never be: of these rows of the queue, those that nothing will move although they could go on, as they are when
-- the calling statement begins. `what`: 'event' and 'child': an open wait whose event is in the mailbox, or whose child has
-- ended or is gone; 'due': a wait was due, and the run sleeps for minutes more; 'ended': a wait has ended of which no pass
-- has heard, and the run sleeps; 'nothing': it sleeps, and waits for nothing; 'blocked': it waits for a place of a key that is
-- none of its workflow's; 'over': its run has ended or is gone.
CREATE FUNCTION durable.unsound(rows uuid[]) RETURNS TABLE (id uuid, run uuid, what text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- Mends what durable.unsound says of rows, in the caller's transaction: locks them, then looks again, so that whoever moves
-- one at the same time comes first and nothing is found. One that somebody has locked is left for the next time. Each run is
-- told of once, with how its row is then (`queue` null: it has none any more).
--   holder  the rows are leased by this worker, and it has not heard of the end of a wait: they get back their wake mark
CREATE FUNCTION durable.reconcile(suspects uuid[], holder integer DEFAULT NULL)
RETURNS TABLE (run uuid, what text, queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- Whether a run takes no further event of this name: 10 000 of its events are untaken (lib/core/limits.ts), and no open wait
-- asks for one of this name. While there are few, one probe of the index.
CREATE FUNCTION durable.is_mailbox_full(of_run uuid, event text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
      SELECT FROM durable.events m WHERE m.run_id = of_run AND m.wait_id IS NULL ORDER BY m.run_id, m.name OFFSET 9999 LIMIT 1)
    AND NOT EXISTS (
      -- (OFFSET 0: nothing but the run's own waits is read, however small the tables were when this was planned.)
      SELECT FROM (SELECT w.state, w.kind, w.names FROM durable.waits w WHERE w.run_id = of_run AND w.active OFFSET 0) w
      WHERE w.state = 'open' AND w.kind IN ('event', 'any', 'all') AND event = ANY (w.names))
$$;

-- Sends an event to a run. `outcome`: 'sent', 'duplicate' (its dedupe key was used), 'unknown' (no such run), 'full' (too many
-- of its events are untaken), or the status of a run that has ended. The rest says what the run's row is like where it can go on. Locks the row first, then
-- looks. `again`: the answer to an earlier try was lost, so the event may be there.
CREATE FUNCTION durable.send_event(
  to_run uuid, event text, body text, dedupe text, trace text, number uuid, again boolean)
RETURNS TABLE (outcome text, queue text, paused boolean, state text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- The waits of runs that a next pass of their steps needs.
CREATE FUNCTION durable.active_waits(runs uuid[])
RETURNS TABLE (
  run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, ended bigint,
  due_ms float8, names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text,
  child_error text, child_workflow text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- Ends those waits of runs whose time has come, in the order in which they were due: the caller has locked the runs' rows in
-- the queue, which decides between that and an event that comes at the same moment. True: there were some.
CREATE FUNCTION durable.end_due_waits(runs uuid[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- What the holder of runs reads of their waits: ends those whose time has come, forgets the wake mark, and gives every wait
-- that a next pass needs. A run whose row is locked by somebody is left out; a row with a null id says of each of the others
-- that it was looked at.
CREATE FUNCTION durable.take_waits(holder integer, runs uuid[])
RETURNS TABLE (
  run_id uuid, id uuid, path text, visit integer, attempt integer, key text, kind text, state text, ended bigint,
  due_ms float8, names text[], child_id uuid, spec text, result text, events json, child_status text, child_data text,
  child_error text, child_workflow text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- The door to a queue: nobody gives a lease on one of its rows who has not come through here, in the transaction that gives
-- it. True: this worker may take rows until the transaction ends. False: it is declared dead or has left; the queue is paused,
-- or being paused at this moment; or it is limited, and the caller does not count (claim-limited.sql does).
-- The lock is shared by all who take rows, and lasts as long as their transaction: see is_vacant. It is never waited for.
CREATE FUNCTION durable.enter_queue(name text, worker integer, counting boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
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
$$;

-- Whether no transaction is inside the queue. After a pause was committed: whoever comes later finds the queue paused, so
-- that nothing more is taken, and what was taken before is there to be seen.
CREATE FUNCTION durable.is_vacant(name text) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  SELECT pg_try_advisory_xact_lock('durable.workflow_queue'::regclass::oid::integer, hashtext(name))
$$;

-- How many places of a key are taken. `whole`: each run has one from its first claim until it has ended; else each lease has
-- one, that of a living worker or a dead one, until it is taken from it.
CREATE FUNCTION durable.places_taken(key text, whole boolean) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
  IF whole THEN
    RETURN (
      SELECT count(*) FROM durable.workflow_queue q
      WHERE q.limit_key = key AND q.started_at IS NOT NULL AND q.step_of IS NULL);
  END IF;
  RETURN (SELECT count(*) FROM durable.workflow_queue q WHERE q.limit_key = key AND q.worker_id IS NOT NULL);
END
$$;

-- The definition by which the place of a run is to be found that is claimed for another one: the one that it was claimed for
-- last, or an older one whose place was never stored since (`known`). NULL: its place is stored, and nothing was recorded since.
-- (VOLATILE: it sees what was committed when the row was locked.)
CREATE FUNCTION durable.placed_by(run uuid, known integer, last integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- Takes ready rows of one queue for a worker, by rank. `definitions`: JSON, those that it may claim: [{id, run_as, timeout}]
-- (timeout in ms, or null). What was taken is given by claimed_rows; no row: nothing was.
--
-- One probe of queue_claim for each definition, each in the index's own order and no further than the limit, so that the
-- cost does not depend on the backlog, nor on what sleeps, is paused, or belongs to code this process does not have.
-- `definition_id = ANY (...)` with one ORDER BY would sort the whole backlog; so would a bitmap, which looks as good where the
-- table was empty when it was last analysed.
CREATE FUNCTION durable.claim(of_queue text, definitions json, places integer, worker integer)
RETURNS TABLE (taken uuid[], taken_by integer[], resumed uuid[])
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
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
$$;

-- The rows that the calling statement has leased, in this order. `taken_by`: the definition that finds the place of each.
-- (Before PostgreSQL 17 there are no infinite intervals: a time is subtracted only where it is finite.)
--
-- `resumed`: those of them that were suspended, whose rows the caller's transaction has locked; NULL: nothing is read. Of those
-- of which `is_read` says so it ends the waits that are due and gives by the way what is needed to go on: after the leased
-- rows one for each of their waits and wanted records, of which only `id` (the run) and `item` are set, as active_waits and
-- read-leased.sql give them. A large output is left out: it is asked for by number when a step needs it.
CREATE FUNCTION durable.claimed_rows(taken uuid[], taken_by integer[], resumed uuid[])
RETURNS TABLE (
  id uuid, run_id uuid, token integer, queue text, definition_id integer, ran_by integer, recoveries smallint, step text,
  cancel text, priority integer, deadline_in_ms float8, fresh boolean, workflow text, input text, snapshot text,
  snapshot_seq bigint, round integer, parent_id uuid, schedule_time float8, traceparent text, lag_ms float8,
  age_ms float8, now_ms float8, is_read boolean, item json)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
  SET plan_cache_mode = force_generic_plan AS $$
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
$$;
