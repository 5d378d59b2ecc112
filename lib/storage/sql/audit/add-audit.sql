-- Keeps an act. Done twice (an answer that was lost) it is one row.
--
-- $1 uuid: id
-- $2 text: actor
-- $3 text: action
-- $4 text: kind of target
-- $5 text: id of target
-- $6 text: outcome
-- $7 text: code
-- $8 text: details as JSON
-- $9 text: ip
INSERT INTO durable.audit (id, actor, action, target_kind, target_id, outcome, code, details, ip)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text::json, $9::text)
ON CONFLICT (id) DO NOTHING;
