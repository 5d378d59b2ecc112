-- Number of the history's pages.
SELECT (pg_relation_size('durable.workflow_executions') / current_setting('block_size')::bigint)::float8 AS pages;
