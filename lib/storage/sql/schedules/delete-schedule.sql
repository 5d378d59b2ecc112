-- Deletes a schedule; the runs that it started stay.
--
-- $1 text: its name
--
-- Returns its name if it was there.
DELETE FROM durable.scheduled_workflows WHERE name = $1 RETURNING name;
