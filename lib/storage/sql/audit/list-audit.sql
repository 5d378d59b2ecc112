-- A page of acts, the newest first. All that is given must fit; NULL: whatever it is.
--
-- $1 text: actor
-- $2 text: action
-- $3 text: id of target
-- $4 timestamptz: from then on
-- $5 timestamptz: before then
-- $6 uuid: those before this one
-- $7 integer: how many
--
-- With a target the index on (kind, id) is read for each of the four kinds; without one the key, from its end.
SELECT a.id, a.at, a.actor, a.action, a.target_kind, a.target_id, a.outcome, a.code, a.details::text AS details, a.ip
FROM durable.audit a
WHERE ($1::text IS NULL OR a.actor = $1::text)
  AND ($2::text IS NULL OR a.action = $2::text)
  AND ($3::text IS NULL OR (a.target_kind IN ('run', 'workflow', 'schedule', 'queue') AND a.target_id = $3::text))
  AND ($4::timestamptz IS NULL OR a.at >= $4::timestamptz)
  AND ($5::timestamptz IS NULL OR a.at < $5::timestamptz)
  AND ($6::uuid IS NULL OR a.id < $6::uuid)
ORDER BY a.id DESC
LIMIT $7::integer;
