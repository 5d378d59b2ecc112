-- Takes the declarations out of force that others of their workflow or queue take the place of.
--
-- $1 integer[]: the others
UPDATE durable.declarations d
SET in_force = false
FROM durable.declarations o
WHERE o.id = ANY ($1::integer[]) AND d.kind = o.kind AND d.subject = o.subject AND d.in_force AND d.id <> o.id;
