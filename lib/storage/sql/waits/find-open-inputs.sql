-- The open inputs that are meant, of a run that lock-run.sql has locked.
--
-- $1 uuid: the run
-- $2 text: their name; NULL: any
-- $3 uuid: the input; NULL: any
SELECT id, path, names[1] AS name, spec
FROM durable.waits
WHERE run_id = $1 AND active AND state = 'open' AND kind = 'input'
  AND ($2::text IS NULL OR names[1] = $2)
  AND ($3::uuid IS NULL OR id = $3)
ORDER BY id;
