-- Keeps how far an act on many runs has come.
--
-- $1 uuid: the act
-- $2 text: that as JSON
UPDATE durable.bulk_acts b SET state = $2::text, seen_at = now() WHERE b.job = $1::uuid;
