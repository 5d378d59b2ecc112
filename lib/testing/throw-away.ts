import pg from 'pg';

/** What a server costs less whose data is thrown away, and which only this machine reaches. */

/**
 * Arguments of initdb.
 *
 * "password" and not scram: the client's key derivation costs 5 ms a session. The server derives the key all the same, from
 * PostgreSQL 16 on as often as is said here: 2 ms less a session.
 * @param version major version
 */
export function initdbArguments(version: number, passwordFile: string): string[] {
  const iterations = version >= 16 ? ['-c', 'scram_iterations=1'] : [];
  const format = ['--auth=password', '--encoding=UTF8', '--locale=C', '--no-sync', '--username=postgres'];
  return [...format, ...iterations, `--pwfile=${passwordFile}`];
}

/**
 * Clones a database: as files, with the caches that a first session would make, which is half the CPU of a copy by way of the
 * WAL. Such a copy waits for checkpoints and the disk, so it is dear where data is kept.
 * @param version major version
 */
export function cloneStatement(name: string, template: string, version: number): string {
  const strategy = version >= 15 ? ' STRATEGY FILE_COPY' : '';
  return `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE ${pg.escapeIdentifier(template)}${strategy}`;
}
