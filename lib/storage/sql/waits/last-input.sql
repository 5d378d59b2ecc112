-- State in which the last such input was closed. No row: the run has never asked for it.
--
-- $1 uuid: the run
-- $2 text: its name; NULL: any
-- $3 uuid: the input; NULL: any
--
-- (OFFSET 0: it is found by its run, see commit-group.sql.)
SELECT w.names[1] AS name, w.state
FROM (SELECT * FROM durable.waits v WHERE v.run_id = $1 ORDER BY v.id DESC OFFSET 0) w
WHERE w.kind = 'input'
  AND ($2::text IS NULL OR w.names[1] = $2)
  AND ($3::uuid IS NULL OR w.id = $3)
ORDER BY w.id DESC
LIMIT 1;
