-- Keeps what a preview of an act on many runs has found. Done twice (an answer that was lost) it is one row. What is over goes:
-- previews that can be acted on no more, and acts of which it was known for a day what became of them.
--
-- $1 uuid: the preview
-- $2 uuid[]: the runs
-- $3 text: the act as JSON
-- $4 integer: ms that a preview may be acted on
WITH old AS (
  SELECT b.id FROM durable.bulk_acts b
  WHERE b.made_at < now() - CASE WHEN b.job IS NULL THEN $4::integer * interval '1 millisecond' ELSE interval '1 day' END
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM durable.bulk_acts b USING old WHERE b.id = old.id
)
INSERT INTO durable.bulk_acts (id, runs, act) VALUES ($1::uuid, $2::uuid[], $3::text)
ON CONFLICT (id) DO NOTHING;
