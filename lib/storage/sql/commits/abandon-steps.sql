-- Ends steps of a run, which lock-run.sql has locked, on other queues that it does not come back to. Those that nobody works on
-- go; the workers of the others are told to settle them.
--
-- $1 uuid: run
-- $2 uuid[]: rows of the steps
-- $3 text: error of the abort
-- $4 boolean: those that somebody works on go too: they had their time
--
-- Returns those that are left.
WITH step AS MATERIALIZED (
  SELECT q.id, q.worker_id IS NOT NULL AND NOT $4::boolean AS stays
  FROM durable.workflow_queue q
  WHERE q.id = ANY ($2::uuid[]) AND q.step_of = $1
  ORDER BY q.id
  FOR UPDATE
), gone AS (
  DELETE FROM durable.workflow_queue q USING step WHERE q.id = ANY (ARRAY[step.id]) AND NOT step.stays
), told AS (
  UPDATE durable.workflow_queue q SET cancel = $3 FROM step WHERE q.id = ANY (ARRAY[step.id]) AND step.stays
)
SELECT id::text AS id FROM step WHERE stays;
