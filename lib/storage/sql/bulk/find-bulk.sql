-- What a preview has found, as long as nobody has begun the act.
--
-- $1 uuid: the preview
-- $2 integer: ms that a preview may be acted on
SELECT b.runs::text[] AS runs, b.act
FROM durable.bulk_acts b
WHERE b.id = $1::uuid AND b.job IS NULL AND b.made_at >= now() - $2::integer * interval '1 millisecond';
