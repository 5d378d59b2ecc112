-- The schedules of these names that a client has made.
--
-- $1 text[]: names
SELECT s.name, s.workflow FROM durable.scheduled_workflows s WHERE s.name = ANY ($1::text[]) AND NOT s.from_code;
