import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Violation {
  from: string;
  rule: { name: string };
}

const repository = fileURLToPath(new URL('../..', import.meta.url));
let root: string;
let violations: Violation[];

/** What the cases below import. */
const targets = [
  ...['core', 'engine', 'storage', 'decorators', 'dashboard', 'cli', 'testing'].map((room) => `lib/${room}/thing.ts`),
  ...[
    'core/errors',
    'core/run',
    'engine/time',
    'engine/ports',
    'engine/run',
    'storage/connection',
    'storage/client',
  ].map((room) => `lib/${room}/thing.ts`),
  'lib/dashboard/ui/src/thing.ts',
  'lib/index.ts',
  'lib/client/thing.ts',
  'lib/lifecycle/thing.ts',
  'test/thing.ts',
];

const forbidden: [file: string, from: string, rule: string][] = [
  ['lib/core/a.ts', '../engine/thing.js', 'core-imports-what-is-below-it'],
  ['lib/core/b.ts', 'pg', 'core-imports-few-packages'],
  ['lib/core/c.ts', 'node:fs', 'core-is-pure'],
  ['lib/core/errors/d.ts', '../run/thing.js', 'core/errors-imports-what-is-below-it'],
  ['lib/engine/a.ts', '../storage/thing.js', 'engine-imports-what-is-below-it'],
  ['lib/engine/b.ts', '@nestjs/common', 'engine-imports-few-packages'],
  ['lib/engine/c.ts', 'typeorm', 'engine-imports-few-packages'],
  ['lib/engine/d.ts', '../client/thing.js', 'engine-imports-what-is-below-it'],
  ['lib/engine/time/f.ts', '../run/thing.js', 'engine/time-imports-what-is-below-it'],
  ['lib/storage/engine/a.ts', '../../engine/run/thing.js', 'storage/engine-imports-what-is-below-it'],
  ['lib/storage/engine/d.ts', '../client/thing.js', 'storage/engine-imports-what-is-below-it'],
  ['lib/storage/b.ts', '@nestjs/common', 'storage-imports-few-packages'],
  ['lib/decorators/a.ts', '../engine/thing.js', 'decorators-imports-what-is-below-it'],
  ['lib/decorators/b.ts', '../storage/thing.js', 'decorators-imports-what-is-below-it'],
  ['lib/lifecycle/a.ts', '../client/thing.js', 'lifecycle-imports-what-is-below-it'],
  ['lib/hall-a.ts', './index.js', 'no-own-barrel'],
  ['lib/hall-b.ts', './cli/thing.js', 'hall-stays-below-the-front-ends'],
  ['lib/hall-c.ts', './testing/thing.js', 'hall-stays-below-the-front-ends'],
  ['lib/hall-d.ts', '../test/thing.js', 'lib-imports-no-tests'],
  ['lib/client/a.ts', '../testing/thing.js', 'client-imports-what-is-below-it'],
  ['lib/cli/a.ts', '@nestjs/core', 'cli-runs-without-nest'],
  ['lib/dashboard/a.ts', '../engine/thing.js', 'dashboard-imports-what-is-below-it'],
  ['lib/dashboard/http/a.ts', '@nestjs/common', 'dashboard-answers-without-a-framework'],
  ['lib/dashboard/b.ts', './ui/src/thing.js', 'only-the-build-knows-the-ui'],
  ['lib/dashboard/ui/src/a.ts', '../../thing.js', 'ui-imports-core-and-api-types'],
  ['lib/dashboard/ui/src/b.ts', 'node:fs', 'ui-runs-in-a-browser'],
  ['lib/testing/a.ts', '../dashboard/thing.js', 'testing-imports-what-is-below-it'],
  ['lib/engine/e.ts', './gone.js', 'resolvable'],
];

const allowed: [file: string, from: string][] = [
  ['lib/core/a.ts', './thing.js'],
  ['lib/core/b.ts', 'node:buffer'],
  ['lib/core/c.ts', 'cron-parser'],
  ['lib/core/run/d.ts', '../errors/thing.js'],
  ['lib/engine/a.ts', '../core/run/thing.js'],
  ['lib/engine/b.ts', 'node:async_hooks'],
  ['lib/engine/run/c.ts', '../time/thing.js'],
  ['lib/storage/client/a.ts', '../../engine/ports/thing.js'],
  ['lib/storage/connection/b.ts', 'pg'],
  ['lib/storage/c.ts', 'typeorm'],
  ['lib/decorators/a.ts', '@nestjs/common'],
  ['lib/hall-a.ts', './engine/thing.js'],
  ['lib/client/b.ts', '../storage/client/thing.js'],
  ['lib/lifecycle/c.ts', '@nestjs/core'],
  ['lib/cli/a.ts', '../storage/thing.js'],
  ['lib/dashboard/a.ts', '../client/thing.js'],
];

const kinds: [kind: string, name: string][] = [
  ['values', 'thing'],
  ['types', 'type Thing'],
];

/** The file of a case, apart from those of the others: all are looked at in one go, since each costs seconds. */
const fileOf = (file: string, what: string): string => file.replace(/\.ts$/, `-${what}.ts`);

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-rooms-')));
  await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
  await write('tsconfig.json', '{ "compilerOptions": { "module": "nodenext", "target": "es2023" } }');
  for (const file of targets) await write(file, 'export interface Thing { id: string }\nexport const thing = 1;');
  for (const [kind, name] of kinds) {
    for (const [file, from] of forbidden) await write(fileOf(file, kind), `export { ${name} } from '${from}';`);
  }
  for (const [file, from] of allowed) {
    await write(fileOf(file, 'allowed'), `import { type Thing } from '${from}';\nexport type A = Thing;`);
  }
  await write('lib/core/one.ts', "import type { Two } from './two.js';\nexport type One = Two[];");
  await write('lib/core/two.ts', "import type { One } from './one.js';\nexport type Two = One | 2;");
  await write('lib/utils/thing.ts', 'export const thing = 1;');
  await write('lib/hall-utils.ts', "import { thing } from './utils/thing.js';\nexport const a = thing;");
  violations = cruise();
});

afterAll(() => rm(root, { recursive: true }));

it('the hall of lib/ has the module and what the package exports, nothing else', async () => {
  const found = (await readdir(join(repository, 'lib'), { withFileTypes: true })).filter((one) => one.isFile());
  expect(found.map(({ name }) => name).toSorted()).toEqual([
    'README.md',
    'durable.module-definition.ts',
    'durable.module.ts',
    'helpers.ts',
    'index.ts',
    'migrations.ts',
  ]);
});

describe('the room rules', () => {
  it.each(kinds)('refuse each forbidden import of %s by the rule that is meant', (kind) => {
    const missed = forbidden.filter(
      ([file, , rule]) => !violations.some((one) => one.from === fileOf(file, kind) && one.rule.name === rule),
    );
    expect(missed).toEqual([]);
  });

  it('refuse a cycle, also one of types alone, and a room that nobody has heard of, and let the rest pass', () => {
    const meant = new Set(kinds.flatMap(([kind]) => forbidden.map(([file]) => fileOf(file, kind))));
    const others = violations.filter((one) => !meant.has(one.from)).map((one) => one.rule.name);
    expect(others.toSorted()).toEqual(['no-cycle', 'only-known-rooms']);
  });
});

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true });
  await writeFile(join(root, file), text);
}

function cruise(): Violation[] {
  const program = join(repository, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const config = join(repository, '.dependency-cruiser.mjs');
  const run = spawnSync(process.execPath, [program, 'lib', '--config', config, '--output-type', 'json'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    maxBuffer: 64_000_000,
  });
  if (run.stdout === '') throw new Error(run.stderr);
  return (JSON.parse(run.stdout) as { summary: { violations: Violation[] } }).summary.violations;
}
