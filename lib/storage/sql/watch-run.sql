-- Asks the holder of an unfinished run for a hint at its end.
--
-- $1 uuid: the run
--
-- Returns whether the run is unfinished.
WITH marked AS (
  UPDATE durable.workflow_queue
  SET watched = true
  WHERE id = $1 AND step_of IS NULL AND NOT watched
)
SELECT EXISTS (SELECT FROM durable.workflow_queue WHERE id = $1 AND step_of IS NULL) AS unfinished
