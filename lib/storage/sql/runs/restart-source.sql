-- Facts of an old run for a new one that goes on from a step of it. The old one stays while this transaction is open:
-- retention takes nothing that is locked.
--
-- $1 uuid: the old run
SELECT e.status, e.workflow, e.queue, e.priority, e.round, e.definition_id, d.definition
FROM durable.workflow_executions e
JOIN durable.workflow_definitions d ON d.id = e.definition_id
WHERE e.id = $1
FOR SHARE OF e;
