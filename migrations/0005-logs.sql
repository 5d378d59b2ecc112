-- What the code of steps has logged.

-- One row of text a line (lib/core/log-entry.ts); NULL: nothing was logged. On the record of the attempt, or on one of
-- type 'log' where a pass of it has left none: it waits, or was handed back.
ALTER TABLE durable.step_executions ADD COLUMN logs text;
