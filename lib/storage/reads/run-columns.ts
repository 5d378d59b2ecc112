/** Status of a run by its row in history `e` and, until it has ended, its row in the queue `q`. */
export const STATUS_OF_ROW = 'durable.run_status(e.status, q.state, q.paused, q.compensating, q.started_at)';

const columns = (snapshot: string): string => `
  e.id, e.workflow, ${STATUS_OF_ROW} AS status, e.queue,
  e.priority, e.error, e.parent_id, e.retry_of, e.tags, e.round, e.scheduled_at, e.created_at, e.updated_at,
  e.completed_at, ${snapshot} AS snapshot, COALESCE(e.started_at, q.started_at) AS started_at,
  q.state = 'running' AND q.paused AS pause_requested, q.started_at IS NOT NULL AS begun,
  (SELECT d.version FROM durable.workflow_definitions d WHERE d.id = COALESCE(q.definition_id, e.definition_id)) AS version,
  CASE WHEN e.status IN ('compensated', 'compensation_failed') OR q.compensating THEN (
    SELECT json_agg(json_build_object('path', u.path, 'status', u.status, 'error', u.error) ORDER BY u.seq)
    FROM durable.step_executions u
    WHERE u.run_id = e.id AND u.round = e.round AND u.type = 'compensate' AND u.retry_at IS NULL
  ) END AS compensations`;

/**
 * Columns of a run in lists: no payloads. Of a large snapshot, as a run of many arms has, the beginning: it names the
 * member that the run stands at.
 */
export const SHOWN = columns('left(e.snapshot, 8192)');
/** Columns of one run. */
export const WHOLE = columns('e.snapshot');

/** Each run of a page is looked up by itself: beside a long history the planner would rather read all of that. */
export const OF_PAGE = `
FROM page p
CROSS JOIN LATERAL (SELECT x.* FROM durable.workflow_executions x WHERE x.id = p.id LIMIT 1) e
LEFT JOIN LATERAL (SELECT w.* FROM durable.workflow_queue w WHERE w.id = p.id LIMIT 1) q ON true`;

/**
 * Columns of its payloads. `data` is null where the data is still the input; of an unfinished run it is the last output of
 * the main sequence, or of the branch arm that it stood in when it was suspended.
 */
export const PAYLOADS = ', e.input, COALESCE(kept.output, latest.output) AS data';
export const PAYLOADS_OF_PAGE = `
LEFT JOIN LATERAL (
  SELECT s.output
  FROM durable.step_executions s
  WHERE e.status <> 'active' AND s.run_id = e.id AND s.seq = e.data_seq
  LIMIT 1
) kept ON true
LEFT JOIN LATERAL (
  SELECT s.output
  FROM durable.step_executions s
  WHERE e.status = 'active'
    AND s.run_id = e.id AND s.status = 'completed' AND s.output IS NOT NULL AND s.round >= e.round
    AND s.type IN ('step', 'decision', 'parallel', 'gather', 'context')
    AND (strpos(s.path, '/') = 0 OR s.seq = e.data_seq)
  ORDER BY s.seq DESC
  LIMIT 1
) latest ON true`;
