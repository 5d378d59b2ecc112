import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dieWithNpm } from './die-with.mjs';
import { installMissing, program, root, run } from './install.mjs';
import { findSample, noSuchSample } from './samples.mjs';
import { stage } from './stages.mjs';

/**
 * npm start [-- sample]: installs what is missing, builds the package and a sample (01-quick-start), and runs the
 * sample on an embedded PostgreSQL, or on the one of DATABASE_URL, with the dashboard at /durable. A sample is named as
 * its directory, by its number, or without the number. What has not changed is not built again.
 */
const given = process.argv[2] ?? '01-quick-start';
const name = findSample(given);
if (name === undefined) {
  console.error(noSuchSample(given));
  process.exit(2);
}
const inRoot = (...paths) => paths.map((path) => join(root, path));
const [source, index, cjs, page] = inRoot(
  `sample/${name}`,
  'dist/index.js',
  'dist/cjs/index.js',
  'dist/dashboard/ui/index.html',
);
const settings = inRoot('tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package-lock.json');

installMissing();
await stage(
  'building nest-durable',
  { of: [...inRoot('lib'), ...settings], except: [join('lib', 'dashboard', 'ui')], makes: index },
  () => run(process.execPath, [program('@nestjs/cli/bin/nest.js'), 'build']),
);
await stage('building the dashboard', { of: [...inRoot('lib/dashboard/ui', 'lib/core'), index], makes: page }, () =>
  run(process.execPath, [join(root, 'scripts/build-ui.mjs')]),
);
const isApart = existsSync(join(source, 'package.json'));
const app = isApart ? await apart() : await among();
// It has a DataSource of its own, which needs a server before the module could start one.
if (isApart && process.env.DATABASE_URL === undefined) {
  const { startEmbedded } = await import(pathToFileURL(join(root, 'dist/storage/embedded/server.js')).href);
  process.env.DATABASE_URL = (await startEmbedded({ log: (line) => console.log(line) })).url;
}

process.env.NODE_ENV ??= 'development';
process.env.PORT ??= '3000';
process.setSourceMapsEnabled(true);

// The app runs in this very process, so signals reach it as they are, and kill -9 ends it.
if (process.env.npm_lifecycle_event === 'start') dieWithNpm();
console.log(`starting ${name}`);
await import(pathToFileURL(app).href);
console.log(`The dashboard: http://localhost:${process.env.PORT}/durable\n`);

/** Builds a sample that uses the packages of this repository. */
async function among() {
  const main = join(source, 'dist/main.js');
  await stage(
    `building ${name}`,
    { of: [join(source, 'src'), join(source, 'tsconfig.json'), index], makes: main },
    () => run(process.execPath, [program('typescript/bin/tsc'), '-p', join(source, 'tsconfig.json')]),
  );
  return main;
}

/** Builds a sample that has packages of its own in a folder apart, with this package as npm would install it. */
async function apart() {
  const folder = join(root, '.durable', name);
  const main = join(folder, 'dist/main.js');
  await stage('building nest-durable for require()', { of: [index], makes: cjs }, () =>
    run(process.execPath, [join(root, 'scripts/build-cjs.mjs')]),
  );
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tarball = join(folder, `nest-durable-${version}.tgz`);
  await stage(
    `installing the packages of ${name}`,
    { of: [join(source, 'package.json'), cjs, page], makes: tarball },
    () => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
      run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { stdio: 'ignore' });
      cpSync(join(source, 'package.json'), join(folder, 'package.json'));
      run('npm', ['install', '--no-save', '--no-package-lock', '--prefer-offline', ...quiet, tarball], { cwd: folder });
    },
  );
  await stage(
    `building ${name}`,
    { of: [join(source, 'src'), join(source, 'tsconfig.json'), tarball], makes: main },
    () => {
      for (const path of ['src', 'tsconfig.json']) cpSync(join(source, path), join(folder, path), { recursive: true });
      run(process.execPath, [join(folder, 'node_modules/typescript/bin/tsc'), '-p', folder], { cwd: folder });
    },
  );
  return main;
}
