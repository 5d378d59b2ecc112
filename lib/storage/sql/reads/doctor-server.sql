-- Properties of the server and of the role on it, for the checks of doctor. `names` are quoted where they must be, for
-- statements that a person pastes.
--
-- $1 text: the schema
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
  current_setting('server_encoding') AS encoding, pg_database_size(current_database())::float8 AS bytes,
  extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
  json_build_object('schema', quote_ident($1), 'role', quote_ident(current_user),
    'other_database', quote_ident(current_database() || '_utf8')) AS names,
  (SELECT json_object_agg(name, setting) FROM pg_settings
    WHERE name IN ('autovacuum', 'track_counts', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections')) AS settings,
  -- Of sessions of other roles an ordinary role sees the database and the role, and neither kind nor times.
  (SELECT count(*)::integer FROM pg_stat_activity
    WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND COALESCE(backend_type, 'client backend') = 'client backend') AS connections,
  (SELECT count(*)::integer FROM pg_stat_activity
    WHERE datname = current_database() AND usesysid IS NOT NULL AND backend_type IS NULL) AS unseen,
  (SELECT (extract(epoch FROM clock_timestamp() - min(xact_start)) * 1000)::float8 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend') AS oldest_transaction,
  (SELECT has_schema_privilege(n.oid, 'USAGE') FROM pg_namespace n WHERE n.nspname = $1) AS usage,
  COALESCE((SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    -- A list of rights is there where one of them is: they are asked for one by one. Sequences of identity columns need no right.
    WHERE n.nspname = $1 AND CASE
      WHEN c.relkind IN ('r', 'p') AND c.relname <> 'migrations' THEN NOT (has_table_privilege(c.oid, 'SELECT')
        AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
      WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
      END), '{}') AS forbidden;
