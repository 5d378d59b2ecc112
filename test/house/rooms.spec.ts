import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
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
  'lib/engine/store.ts',
  'lib/index.ts',
  'lib/durable.client.ts',
  'test/thing.ts',
];

const forbidden: [file: string, from: string, rule: string][] = [
  ['lib/core/a.ts', '../engine/thing.js', 'core-imports-only-core'],
  ['lib/core/b.ts', 'pg', 'core-imports-only-core'],
  ['lib/core/c.ts', 'node:fs', 'core-is-pure'],
  ['lib/engine/a.ts', '../storage/thing.js', 'engine-imports-core'],
  ['lib/engine/b.ts', '@nestjs/common', 'engine-imports-core'],
  ['lib/engine/c.ts', 'typeorm', 'engine-imports-core'],
  ['lib/engine/d.ts', '../durable.client.js', 'rooms-do-not-import-the-root'],
  ['lib/storage/a.ts', '../engine/thing.js', 'storage-imports-core-and-the-port'],
  ['lib/storage/b.ts', '@nestjs/common', 'storage-imports-core-and-the-port'],
  ['lib/decorators/a.ts', '../engine/thing.js', 'decorators-import-core-and-nest'],
  ['lib/decorators/b.ts', '../storage/thing.js', 'decorators-import-core-and-nest'],
  ['lib/root-a.ts', './index.js', 'no-own-barrel'],
  ['lib/root-b.ts', './cli/thing.js', 'root-stays-below-the-front-ends'],
  ['lib/root-c.ts', './testing/thing.js', 'nothing-imports-the-testing-kit'],
  ['lib/root-d.ts', '../test/thing.js', 'lib-imports-no-tests'],
  ['lib/cli/a.ts', '@nestjs/core', 'cli-runs-without-nest'],
  ['lib/dashboard/a.ts', '../storage/thing.js', 'dashboard-goes-through-the-root'],
  ['lib/testing/a.ts', '../dashboard/thing.js', 'testing-leaves-dashboard-and-cli-alone'],
  ['lib/engine/e.ts', './gone.js', 'resolvable'],
];

const allowed: [file: string, from: string][] = [
  ['lib/core/a.ts', './thing.js'],
  ['lib/core/b.ts', 'node:buffer'],
  ['lib/core/c.ts', 'cron-parser'],
  ['lib/engine/a.ts', '../core/thing.js'],
  ['lib/engine/b.ts', 'node:async_hooks'],
  ['lib/storage/a.ts', '../engine/store.js'],
  ['lib/storage/b.ts', 'pg'],
  ['lib/storage/c.ts', 'typeorm'],
  ['lib/decorators/a.ts', '@nestjs/common'],
  ['lib/root-a.ts', './engine/thing.js'],
  ['lib/root-b.ts', './storage/thing.js'],
  ['lib/root-c.ts', '@nestjs/core'],
  ['lib/cli/a.ts', '../storage/thing.js'],
  ['lib/dashboard/a.ts', '../durable.client.js'],
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
  await write('lib/root-utils.ts', "import { thing } from './utils/thing.js';\nexport const a = thing;");
  violations = cruise();
});

afterAll(() => rm(root, { recursive: true }));

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
