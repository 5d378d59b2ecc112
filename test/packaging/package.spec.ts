import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { command, filesOf, Packed, repository, tool } from './packed.js';

let packed: Packed;
let installed: string;

beforeAll(async () => {
  packed = await Packed.pack();
  installed = await packed.unpackBesidePeers();
});

afterAll(() => packed.remove());

describe('the tarball', () => {
  it('holds the migrations, and every .sql file in both builds, unchanged', async () => {
    const statements = join(repository, 'lib', 'storage', 'sql');
    const pairs = [
      [join(repository, 'migrations'), join(installed, 'migrations')],
      [statements, join(installed, 'dist', 'storage', 'sql')],
      [statements, join(installed, 'dist', 'cjs', 'storage', 'sql')],
    ] as const;
    for (const [source, target] of pairs) {
      const files = (await filesOf(source)).filter((file) => file.endsWith('.sql'));
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) expect(await text(target, file)).toBe(await text(source, file));
    }
  });

  it('holds what package.json points at, and nothing but the product', async () => {
    const files = await filesOf(installed);
    const manifest = JSON.parse(await text(installed, 'package.json')) as Record<string, object | undefined>;
    const { exports, bin, main, types, typesVersions } = manifest;
    const targets = leavesOf([exports, bin, main, types, typesVersions]).map((path) => path.replace(/^\.\//, ''));
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((target) => !files.includes(target))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'LICENSE']));
    const foreign = (file: string) =>
      /\.spec\.|(^|\/)(test|sample|scripts|bench)\//.test(file) || /(?<!\.d)\.ts$/.test(file);
    expect(files.filter(foreign)).toEqual([]);
  });

  it('has a module in one build for each in the other', async () => {
    // Both serve the same pages.
    const one = /^(cjs|dashboard\/ui)\//;
    const modules = async (folder: string) => (await filesOf(folder)).filter((file) => !one.test(file)).sort();
    const cjs = await modules(join(installed, 'dist', 'cjs'));
    expect(cjs.filter((file) => file !== 'package.json')).toEqual(await modules(join(installed, 'dist')));
  });

  it('starts the command in the build of CommonJS, and keeps what was compiled where Node can', async () => {
    await packed.write(
      'cli/tell.cjs',
      `const nodeModule = require('node:module');
       const kept = typeof nodeModule.enableCompileCache === 'function';
       process.on('exit', () => {
         if (kept !== (nodeModule.getCompileCacheDir?.() !== undefined)) process.exitCode = 1;
         console.log(Object.keys(nodeModule._cache).join('\\n'));
       });`,
    );
    const main = join(installed, 'dist', 'cli', 'main.js');
    const said = command(process.execPath, ['--require', './tell.cjs', main, '--version'], join(packed.root, 'cli'));
    expect(said).toContain(join('dist', 'cjs', 'cli', 'cli.js'));
  });

  it('has source maps with the sources in them', async () => {
    const files = (await filesOf(installed)).filter((file) => /(?<!dashboard\/ui\/.*)\.js$/.test(file));
    for (const file of files) {
      const map = JSON.parse(await text(installed, `${file}.map`)) as { sources: string[]; sourcesContent?: string[] };
      const [source = ''] = map.sources;
      expect(map.sourcesContent).toHaveLength(1);
      const original = join(installed, file, '..', source).replace(installed, repository);
      expect(map.sourcesContent?.[0]).toBe(await readFile(original, 'utf8'));
    }
  });

  it('names repository, homepage and bugs', async () => {
    const { repository: from, homepage, bugs } = JSON.parse(await text(installed, 'package.json')) as Linked;
    expect(from.url).toBe('git+https://github.com/nest-durable/nest-durable.git');
    expect([homepage, bugs.url].every((url) => url.startsWith('https://github.com/nest-durable/nest-durable'))).toBe(
      true,
    );
  });
});

describe('publint and are-the-types-wrong', () => {
  it('find nothing: every entry resolves for every kind of module resolution, node10 too', () => {
    expect(tool('publint/src/cli.js', ['run', packed.tarball, '--strict'], packed.root)).toContain('All good!');
    const said = tool('@arethetypeswrong/cli/dist/index.js', [packed.tarball, '--profile', 'strict'], packed.root);
    expect(said).toContain('No problems found');
  });
});

describe('the declarations', () => {
  /** What an app has: Nest, and the peers that are not optional. */
  const peers = /^(node:[a-z_]+|@nestjs\/(common|core)|rxjs|typeorm)$/;

  it.each([
    ['index', peers],
    ['dashboard/index', peers],
    ['helpers', /^$/],
    ['migrations', /^typeorm$/],
    ['testing/index', new RegExp(`${peers.source}|^@nestjs/testing$`)],
  ])('of %s name no package that an app may lack, pg among them', async (entry, allowed) => {
    const foreign: string[] = [];
    const seen = new Set<string>();
    const read = async (file: string, way: string): Promise<void> => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, name = ''] of (await text(installed, file)).matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)) {
        if (name.startsWith('.')) await read(join(file, '..', name.replace(/\.js$/, '.d.ts')), `${way} > ${name}`);
        else if (!allowed.test(name)) foreign.push(`${way} > ${name}`);
      }
    };
    await read(`dist/${entry}.d.ts`, entry);
    // Mark with @internal what is not for users: the build leaves it out of the declarations.
    expect(foreign).toEqual([]);
  });
});

describe('an app', () => {
  it('boots from an ES module and from CommonJS, and migrates the database from the package', async () => {
    const database = await createTestDatabase({ migrated: false });
    const names = ['', '/dashboard', '/helpers', '/migrations', '/testing'].map((path) => `nest-durable${path}`);
    const app = `
      class App {}
      Module({ imports: [DurableModule.forRoot({ database: { url: process.env.DATABASE } })] })(App);
      NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false })
        .then((app) => app.close())
        .then(() => console.log('booted', process.env.KIND));`;
    await packed.write(
      'boots/app.cjs',
      `require('reflect-metadata');
       const { Module } = require('@nestjs/common');
       const { NestFactory } = require('@nestjs/core');
       const { DurableModule } = require('nest-durable');
       for (const name of ${JSON.stringify(names)})
         if (!require.resolve(name).includes('/dist/cjs/') || !require(name)) throw new Error(require.resolve(name));
       ${app}`,
    );
    await packed.write(
      'boots/app.mjs',
      `import 'reflect-metadata';
       import { Module } from '@nestjs/common';
       import { NestFactory } from '@nestjs/core';
       import { DurableModule } from 'nest-durable';
       for (const name of ${JSON.stringify(names)})
         if (import.meta.resolve(name).includes('/dist/cjs/') || !(await import(name))) throw new Error(import.meta.resolve(name));
       ${app}`,
    );
    for (const kind of ['cjs', 'mjs']) {
      const env = { DATABASE: database.url, KIND: kind };
      expect(command(process.execPath, [`app.${kind}`], join(packed.root, 'boots'), env)).toBe(`booted ${kind}\n`);
    }
    await database.drop();
  });

  it('is tested with the kit: on an embedded server, and one step alone', async () => {
    await packed.write(
      'kit/app.mjs',
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
    expect(command(process.execPath, ['app.mjs'], join(packed.root, 'kit'))).toBe('hello ann hello bob\n');
  });

  /** `node16` has no CommonJS here: under it the compiler refuses every require of Nest 12, node 20.19 or not. */
  it.each([
    ['an ES module', 'module', { module: 'nodenext' }],
    ['an ES module, node16', 'module', { module: 'node16' }],
    ['CommonJS', 'commonjs', { module: 'nodenext' }],
    ['CommonJS, node20', 'commonjs', { module: 'node20' }],
    ['CommonJS, bundler resolution', 'commonjs', { module: 'commonjs', moduleResolution: 'bundler' }],
  ])('compiles against its types as %s', async (_name, type, options) => {
    await packed.write('types/package.json', JSON.stringify({ type }));
    await packed.write(
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
    await packed.write('types/tsconfig.json', JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    expect(tool('typescript/bin/tsc', ['-p', '.', '--pretty', 'false'], join(packed.root, 'types'))).toBe('');
  });
});

interface Linked {
  readonly repository: { readonly url: string };
  readonly homepage: string;
  readonly bugs: { readonly url: string };
}

/** The strings in a nested object: what the conditions of `exports` end in. */
function leavesOf(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leavesOf);
  return typeof value === 'string' ? [value] : [];
}

function text(folder: string, file: string): Promise<string> {
  return readFile(join(folder, file), 'utf8');
}
