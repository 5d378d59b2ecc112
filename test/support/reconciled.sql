-- Notes in a test's database what a safety net had to mend, by whichever process: test/support/leak-check.mjs fails the
-- spec for it.
CREATE SCHEMA spec;
CREATE TABLE spec.reconciled (
  at   timestamptz NOT NULL DEFAULT now(),
  run  uuid        NOT NULL,
  what text        NOT NULL
);

ALTER FUNCTION durable.reconcile(uuid[], integer) RENAME TO reconcile_unnoted;

CREATE FUNCTION durable.reconcile(suspects uuid[], holder integer DEFAULT NULL)
RETURNS TABLE (run uuid, what text, queue text, paused boolean, state text)
LANGUAGE sql VOLATILE AS $$
  WITH mended AS MATERIALIZED (
    SELECT * FROM durable.reconcile_unnoted(suspects, holder)
  ), noted AS (
    INSERT INTO spec.reconciled (run, what) SELECT m.run, m.what FROM mended m
  )
  SELECT m.run, m.what, m.queue, m.paused, m.state FROM mended m
$$;
