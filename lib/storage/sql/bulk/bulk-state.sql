-- How far an act on many runs had come, and how many ms ago its process has said so.
--
-- $1 uuid: the act
SELECT b.state, (date_part('epoch', now() - b.seen_at) * 1000)::float8 AS silent
FROM durable.bulk_acts b
WHERE b.job = $1::uuid;
