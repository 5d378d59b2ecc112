-- State in which the last such input was closed. No row: the run has never asked for it.
--
-- $1 uuid: the run
-- $2 text: its name; NULL: any
-- $3 uuid: the input; NULL: any
SELECT names[1] AS name, state
FROM durable.waits
WHERE run_id = $1 AND kind = 'input'
  AND ($2::text IS NULL OR names[1] = $2)
  AND ($3::uuid IS NULL OR id = $3)
ORDER BY id DESC
LIMIT 1;
