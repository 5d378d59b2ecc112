-- The input of a run, to which its records refer, and whether it, or one of its steps on another queue, is leased.
--
-- $1 uuid: the run
SELECT e.input,
       EXISTS (
         SELECT FROM durable.workflow_queue q WHERE (q.id = e.id OR q.step_of = e.id) AND q.state = 'running'
       ) AS leased
FROM durable.workflow_executions e
WHERE e.id = $1;
