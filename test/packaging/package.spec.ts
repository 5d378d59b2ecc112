import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '../support/database.js';

/** The package as npm would publish it, installed in an app of its own; run by npm run test:package after a build. */
const repository = fileURLToPath(new URL('../..', import.meta.url));
let root: string;
let installed: string;

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'nest-durable-package-')));
  const packed = command('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', root], repository);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const modules = join(root, 'node_modules');
  installed = join(modules, 'nest-durable');
  await mkdir(installed, { recursive: true });
  command('tar', ['-xzf', join(root, filename), '--strip-components=1', '-C', installed], root);
  // The peers are ours, so that the test needs no network.
  for (const name of await packagesOf(join(repository, 'node_modules'))) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(repository, 'node_modules', name), join(modules, name));
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds the migrations and every .sql file, unchanged', async () => {
    const pairs = [
      [join(repository, 'migrations'), join(installed, 'migrations')],
      [join(repository, 'lib', 'storage', 'sql'), join(installed, 'dist', 'storage', 'sql')],
    ] as const;
    for (const [source, target] of pairs) {
      const files = (await filesOf(source)).filter((file) => file.endsWith('.sql'));
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) expect(await text(target, file)).toBe(await text(source, file));
    }
  });

  it('holds what package.json points at, and nothing but the product', async () => {
    const files = await filesOf(installed);
    const { exports, bin } = JSON.parse(await text(installed, 'package.json')) as Record<string, object | undefined>;
    const targets = leavesOf([exports, bin]).map((path) => path.replace(/^\.\//, ''));
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((target) => !files.includes(target))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'LICENSE']));
    const foreign = (file: string) =>
      /\.spec\.|(^|\/)(test|sample|scripts|bench)\//.test(file) || /(?<!\.d)\.ts$/.test(file);
    expect(files.filter(foreign)).toEqual([]);
  });
});

describe('an app', () => {
  it('imports it from an ES module', async () => {
    await write('esm/package.json', '{ "type": "module" }');
    await write(
      'esm/app.js',
      `import { DurableModule } from 'nest-durable';
       import * as helpers from 'nest-durable/helpers';
       import * as migrations from 'nest-durable/migrations';
       console.log(typeof DurableModule.forRoot, typeof helpers.assign, Object.keys(migrations).length > 0);`,
    );
    expect(command(process.execPath, ['app.js'], join(root, 'esm'))).toBe('function function true\n');
  });

  it('is tested with the kit: on an embedded server, and one step alone', async () => {
    await write('kit/package.json', '{ "type": "module" }');
    await write(
      'kit/app.js',
      `import 'reflect-metadata';
       import { once, Step, Workflow } from 'nest-durable';
       import { createDurableTest, runStep } from 'nest-durable/testing';
       class Hello { greet(data) { return once('greeting', () => ({ greeting: 'hello ' + data.name })); } }
       Step()(Hello.prototype, 'greet', Object.getOwnPropertyDescriptor(Hello.prototype, 'greet'));
       Workflow({ name: 'hello' })(Hello);
       const { data } = await runStep(() => new Hello().greet({ name: 'ann' }));
       const test = await createDurableTest({ providers: [Hello] });
       const run = await test.client.start(Hello, { name: 'bob' }, { delay: 86_400_000 });
       await test.advance(86_400_000);
       console.log(data.greeting, (await run.result()).greeting);
       await test.close();`,
    );
    expect(command(process.execPath, ['app.js'], join(root, 'kit'))).toBe('hello ann hello bob\n');
  });

  it('boots with it from CommonJS, and migrates the database from the package', async () => {
    const database = await createTestDatabase({ migrated: false });
    await write('cjs/package.json', '{ "type": "commonjs" }');
    await write(
      'cjs/app.js',
      `require('reflect-metadata');
       const { Module } = require('@nestjs/common');
       const { NestFactory } = require('@nestjs/core');
       const { DurableModule } = require('nest-durable');
       class App {}
       Module({ imports: [DurableModule.forRoot({ database: { url: process.env.DATABASE } })] })(App);
       NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false })
         .then((app) => app.close())
         .then(() => console.log('booted'));`,
    );
    expect(command(process.execPath, ['app.js'], join(root, 'cjs'), { DATABASE: database.url })).toBe('booted\n');
    await database.drop();
  });

  /** `node16` has no CommonJS here: under it the compiler refuses every require of an ES module, node 20.19 or not. */
  it.each([
    ['an ES module', 'module', { module: 'nodenext' }],
    ['an ES module, node16', 'module', { module: 'node16' }],
    ['CommonJS', 'commonjs', { module: 'nodenext' }],
    ['CommonJS, node20', 'commonjs', { module: 'node20' }],
    ['CommonJS, bundler resolution', 'commonjs', { module: 'commonjs', moduleResolution: 'bundler' }],
  ])('compiles against its types as %s', async (_name, type, options) => {
    await write('types/package.json', JSON.stringify({ type }));
    await write(
      'types/app.ts',
      `import { Module } from '@nestjs/common';
       import { DurableModule, Step, Workflow } from 'nest-durable';
       import { assign } from 'nest-durable/helpers';
       import { createDurableTest, type DurableTest, runStep } from 'nest-durable/testing';

       @Workflow({ name: 'greet' })
       export class GreetWorkflow {
         @Step()
         greet(data: { name: string }) {
           return assign(data, 'greeting', 'hello ' + data.name);
         }
       }

       @Module({ imports: [DurableModule.forRoot({ schema: 'durable' })], providers: [GreetWorkflow] })
       export class App {}

       export async function check(): Promise<string> {
         const test: DurableTest = await createDurableTest({ providers: [GreetWorkflow] });
         await test.explore(GreetWorkflow, {}, { check: ({ status }) => status === 'completed' });
         const { result } = await runStep(() => new GreetWorkflow().greet({ name: 'ann' }));
         return result.greeting;
       }

       // @ts-expect-error The types are there, and not any.
       DurableModule.forRoot({ schema: 1 });`,
    );
    const common = { target: 'es2023', strict: true, experimentalDecorators: true, emitDecoratorMetadata: true };
    const compilerOptions = { ...common, types: ['node'], noEmit: true, skipLibCheck: true, ...options };
    await write('types/tsconfig.json', JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(command(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], join(root, 'types'))).toBe('');
  });
});

/** What it prints. Throws with everything it said when it fails. */
function command(name: string, args: string[], cwd: string, environment: Record<string, string> = {}): string {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production', ...environment };
  const run = spawnSync(name, args, { cwd, encoding: 'utf8', env, shell: process.platform === 'win32' });
  if (run.status !== 0)
    throw new Error(`${name} ${args.join(' ')}: ${run.error?.message ?? ''}${run.stdout}${run.stderr}`);
  return run.stdout;
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true });
  await writeFile(join(root, file), content);
}

/** The strings in a nested object: what the conditions of `exports` end in. */
function leavesOf(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leavesOf);
  return typeof value === 'string' ? [value] : [];
}

function text(folder: string, file: string): Promise<string> {
  return readFile(join(folder, file), 'utf8');
}

async function filesOf(folder: string): Promise<string[]> {
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
