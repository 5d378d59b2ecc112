import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../lib/storage/embedded/free-port.js';
import { createTestDatabase } from '../support/database.js';
import { endWithFile } from '../support/forks.js';
import { until } from '../support/until.js';
import { FreshApp, INSTALL_TIMEOUT } from './fresh-app.js';
import { command, environment, filesOf, Packed, repository } from './packed.js';

/** `nest-durable install` and `nest add nest-durable` in apps as `nest new` makes them: one of Nest 11, one of Nest 12. */
let packed: Packed;

beforeAll(async () => {
  packed = await Packed.pack();
});

afterAll(() => packed.remove());

const CHANGED = ['package.json', 'src/app.module.ts', 'src/main.ts'];
const MADE = [
  '.gitignore',
  'src/greeting/greeting.controller.ts',
  'src/greeting/greeting.workflow.spec.ts',
  'src/greeting/greeting.workflow.ts',
];

describe.each([
  ['fresh11', ['node_modules/jest/bin/jest.js', '--json'], 'DurableModule.forRootAsync({'],
  ['fresh12', ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json'], 'DurableModule.forRoot()'],
])('%s', (name, test, wired) => {
  let app: FreshApp;
  let added: string;
  const durable = (...args: string[]): string => {
    const env = { npm_config_prefer_offline: 'true', NODE_ENV: 'development' };
    return command(process.execPath, ['node_modules/nest-durable/dist/cli/main.js', ...args], app.folder, env);
  };
  const textsOf = async (folder: string): Promise<Map<string, string>> => {
    const texts = new Map<string, string>();
    for (const file of await filesOf(join(folder, 'src'))) texts.set(`src/${file}`, '');
    for (const file of [...texts.keys(), 'package.json', 'tsconfig.json', 'nest-cli.json', '.gitignore']) {
      const text = await readFile(join(folder, file), 'utf8').catch(() => null);
      if (text !== null) texts.set(file, text);
    }
    return texts;
  };

  beforeAll(async () => {
    app = await FreshApp.install(packed, name);
    added = join(packed.root, `${name}-added`);
    await mkdir(added);
    for (const [file, text] of await textsOf(app.folder)) await packed.write(`${name}-added/${file}`, text);
    await symlink(join(app.folder, 'node_modules'), join(added, 'node_modules'));
  }, INSTALL_TIMEOUT);

  it('a dry run shows the change, and makes none', async () => {
    const before = await textsOf(app.folder);
    const shown = durable('install', '--dry-run');
    expect(shown).toContain(`+   imports: [${wired}`);
    expect(shown).toContain('+   app.enableShutdownHooks();');
    expect(await textsOf(app.folder)).toEqual(before);
  });

  it(
    'install makes it, with the packages it needs, and nothing twice',
    async () => {
      const before = await textsOf(app.folder);
      const said = durable('install').trim().split('\n');
      expect(said.sort()).toEqual(
        [...CHANGED.map((file) => `change ${file}`), ...MADE.map((file) => `create ${file}`)].sort(),
      );
      const after = await textsOf(app.folder);
      expect([...after.keys()].filter((file) => after.get(file) !== before.get(file)).sort()).toEqual(
        [...CHANGED, ...MADE].sort(),
      );
      expect(durable('install')).toBe('Everything is there already: nothing was changed.\n');
      expect(await textsOf(app.folder)).toEqual(after);
    },
    INSTALL_TIMEOUT,
  );

  it('nest add does the same', async () => {
    const nest = join(repository, 'node_modules/@nestjs/cli/bin/nest.js');
    // It is installed; no registry has it yet.
    const env = { npm_config_dry_run: 'true', npm_config_prefer_offline: 'true' };
    command(process.execPath, [nest, 'add', 'nest-durable', '--skip-install'], added, env);
    expect(await textsOf(added)).toEqual(await textsOf(app.folder));
  });

  it('the app builds, the test of its example passes, and a run completes', async () => {
    expect(app.tsc('typescript', ['-p', 'tsconfig.build.json'])).toBe('');
    expect(app.test(...test)).toBe(1);
    const { url, drop } = await createTestDatabase({ migrated: false });
    const port = await freePort();
    const env = environment({ DATABASE_URL: url, PORT: String(port) });
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: app.folder,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    endWithFile(child);
    const base = `http://127.0.0.1:${port}`;
    await until(() => fetch(base).then((one) => one.ok, () => false)); // prettier-ignore
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"Ada"}' };
    const { id } = (await (await fetch(`${base}/greetings`, json)).json()) as { id: string };
    const look = async () =>
      (await (await fetch(`${base}/greetings/${id}`)).json()) as { status: string; data: object };
    await until(async () => (await look()).status === 'completed');
    expect(await look()).toMatchObject({ data: { text: 'Hello Ada' } });
    expect(durable('list', '--url', url)).toContain('completed');
    child.kill('SIGTERM');
    await once(child, 'exit');
    await drop();
  });
});
