/**
 * How far the primary's log is; what was committed is before it. With `synchronous_commit = off` a commit is told of before
 * the log is written, so the place is that of the insert. It stands behind the header of a page that nothing is on yet (24
 * bytes, 40 at the begin of a file), which a standby gets only with what follows.
 */
export const PLACE = `
  SELECT (place - CASE
      WHEN mod(place - '0/0'::pg_lsn, 8192) = 24 THEN 24
      WHEN mod(place - '0/0'::pg_lsn, file) = 40 THEN 40
      ELSE 0
    END::numeric)::text AS lsn
  FROM (
    SELECT pg_current_wal_insert_lsn() AS place, pg_size_bytes(current_setting('wal_segment_size')) AS file
  ) AS log`;

/** Whether the replica has the log up to there; null: it follows no log, so nobody can tell what it has. */
export const REACHED = `
  SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() >= $1::text::pg_lsn END AS reached`;

/** ms since the last commit that the replica has, where it lacks something; null: nobody can tell. */
export const LATE = `
  SELECT CASE
      WHEN NOT pg_is_in_recovery() OR $1::text IS NULL THEN NULL
      WHEN pg_last_wal_replay_lsn() >= $1::text::pg_lsn THEN 0
      ELSE greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8
    END AS late`;
