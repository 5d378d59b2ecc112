-- Something that a suspended run waits for has come: ready if it sleeps, marked if it is leased. Under the row's lock.
--
-- $1 uuid: the run
SELECT queue, paused, state FROM durable.wake_run($1);
