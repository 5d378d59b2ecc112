import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The package as npm would publish it, in a temporary directory; from the build that is there. */
export class Packed {
  private constructor(
    readonly root: string,
    readonly tarball: string,
  ) {}

  static async pack(): Promise<Packed> {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-package-')));
    // The account of an embedded server passes through, where that is not the test's.
    await chmod(root, 0o755);
    const said = command('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', root], repository);
    const [{ filename }] = JSON.parse(said) as [{ filename: string }];
    return new Packed(root, join(root, filename));
  }

  /**
   * Unpacks it into node_modules beside this repository's own packages, so that nothing is downloaded. Returns its
   * folder.
   */
  async unpackBesidePeers(): Promise<string> {
    const modules = join(this.root, 'node_modules');
    const installed = join(modules, 'nest-durable');
    await mkdir(installed, { recursive: true });
    command('tar', ['-xzf', this.tarball, '--strip-components=1', '-C', installed], this.root);
    for (const name of await packagesOf(join(repository, 'node_modules'))) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(repository, 'node_modules', name), join(modules, name));
    }
    return installed;
  }

  async write(file: string, content: string): Promise<void> {
    const path = join(this.root, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The environment of a command: none of Jest's own, and no database but the one that is named. */
export function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, JEST_WORKER_ID: __, ...own } = process.env;
  return { ...own, NODE_OPTIONS: '', NODE_ENV: 'production', ...more };
}

/** What it prints. Throws with everything it said when it fails. */
export function command(name: string, args: string[], cwd: string, more: Record<string, string> = {}): string {
  const shell = process.platform === 'win32';
  const run = spawnSync(name, args, { cwd, encoding: 'utf8', env: environment(more), shell, maxBuffer: 2 ** 26 });
  if (run.status !== 0) {
    throw new Error(`${name} ${args.join(' ')}: ${run.error?.message ?? ''}${run.stdout}${run.stderr}`);
  }
  return run.stdout;
}

/** A program of the repository's dependencies. */
export function tool(path: string, args: string[], cwd: string): string {
  return command(process.execPath, [join(repository, 'node_modules', path), ...args], cwd);
}

export async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

async function packagesOf(modules: string): Promise<string[]> {
  const names = (await readdir(modules)).filter((name) => !name.startsWith('.') && name !== 'nest-durable');
  const scoped = names.map(async (name) =>
    name.startsWith('@') ? (await readdir(join(modules, name))).map((inner) => `${name}/${inner}`) : [name],
  );
  return (await Promise.all(scoped)).flat();
}
