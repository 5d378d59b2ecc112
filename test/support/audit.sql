-- A log of what becomes of leases, records and ends, kept by triggers in a test's database: what cannot be seen in the
-- tables afterwards. Entries of one run have the order of its commits, since each is made under the lock of its row.
CREATE SCHEMA audit;
CREATE TABLE audit.log (
  serial   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid      xid8   NOT NULL DEFAULT pg_current_xact_id(),
  kind     text   NOT NULL,
  run_id   uuid   NOT NULL,
  row_id   uuid,
  token    integer,
  live     boolean,
  what     text
);
CREATE INDEX log_run ON audit.log (run_id, serial);

CREATE FUNCTION audit.lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO audit.log (kind, run_id, row_id, token, live) VALUES ('lease', COALESCE(OLD.step_of, OLD.id), OLD.id, OLD.token, false);
    RETURN OLD;
  END IF;
  -- A row may be inserted and held in one statement: the trigger of the insert then comes after that of the hold.
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit.log (kind, run_id, row_id, token, live)
    SELECT 'lease', COALESCE(q.step_of, q.id), q.id, q.token, q.worker_id IS NOT NULL
    FROM durable.workflow_queue q WHERE q.id = NEW.id;
    RETURN NEW;
  END IF;
  INSERT INTO audit.log (kind, run_id, row_id, token, live, what)
  VALUES ('lease', COALESCE(NEW.step_of, NEW.id), NEW.id, NEW.token, NEW.worker_id IS NOT NULL,
    CASE WHEN NEW.token < OLD.token THEN 'the token fell'
      WHEN NEW.worker_id <> OLD.worker_id AND NEW.token = OLD.token THEN 'two workers had one token' END);
  RETURN NEW;
END $$;
CREATE TRIGGER lease AFTER INSERT OR DELETE OR UPDATE OF token, worker_id ON durable.workflow_queue
  FOR EACH ROW EXECUTE FUNCTION audit.lease();

CREATE FUNCTION audit.journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit.log (kind, run_id, token) VALUES ('record', NEW.run_id, NEW.token);
  ELSE
    INSERT INTO audit.log (kind, run_id, token, what) VALUES ('change', OLD.run_id, OLD.token, format('%s of record %s', TG_OP, OLD.seq));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER journal AFTER INSERT OR UPDATE OR DELETE ON durable.step_executions
  FOR EACH ROW EXECUTE FUNCTION audit.journal();

CREATE FUNCTION audit.ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit.log (kind, run_id, what)
  VALUES (CASE WHEN OLD.status = 'active' THEN 'end' ELSE 'change' END, NEW.id, format('%s became %s', OLD.status, NEW.status));
  RETURN NULL;
END $$;
CREATE TRIGGER ends AFTER UPDATE ON durable.workflow_executions
  FOR EACH ROW WHEN (OLD.status <> 'active' OR NEW.status <> 'active') EXECUTE FUNCTION audit.ends();

-- Leases from before: the locks that the triggers above have taken let no other lease come in between.
INSERT INTO audit.log (kind, run_id, row_id, token, live)
SELECT 'lease', COALESCE(step_of, id), id, token, worker_id IS NOT NULL FROM durable.workflow_queue;
