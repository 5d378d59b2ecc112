-- Takes a preview for one act: no row where another has taken it. Done twice (an answer that was lost) it is the same act.
--
-- $1 uuid: the preview
-- $2 uuid: the act
-- $3 text: how far it has come, as JSON
-- $4 integer: ms that a preview may be acted on
UPDATE durable.bulk_acts b
SET job = $2::uuid, seen_at = now(), state = $3::text
WHERE b.id = $1::uuid AND (b.job = $2::uuid OR b.job IS NULL AND b.made_at >= now() - $4::integer * interval '1 millisecond')
RETURNING b.id;
