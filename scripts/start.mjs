import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dieWithNpm } from './die-with.mjs';
import { installMissing, program, root, run } from './install.mjs';

/**
 * npm start [-- sample]: installs what is missing, builds the package and a sample (01-quick-start), and runs the
 * sample on an embedded PostgreSQL, or on the one of DATABASE_URL, with the dashboard at /durable. A sample is named as
 * its directory, or without the number.
 */
const sample = join(root, 'sample', findSample(process.argv[2] ?? '01-quick-start'));
installMissing();
run(process.execPath, [program('@nestjs/cli/bin/nest.js'), 'build']);
run(process.execPath, [join(root, 'scripts/build-ui.mjs')]);
run(process.execPath, [program('typescript/bin/tsc'), '-p', join(sample, 'tsconfig.json')]);

process.env.NODE_ENV ??= 'development';
process.env.PORT ??= '3000';
process.setSourceMapsEnabled(true);

// The app runs in this very process, so signals reach it as they are, and kill -9 ends it.
if (process.env.npm_lifecycle_event === 'start') dieWithNpm();
await import(pathToFileURL(join(sample, 'dist', 'main.js')).href);
console.log(`The dashboard: http://localhost:${process.env.PORT}/durable\n`);

/** The directory of a sample; ends this process where there is none of that name. */
function findSample(name) {
  const names = readdirSync(join(root, 'sample')).sort();
  const found = names.find((one) => one === name || one.replace(/^\d+-/, '') === name);
  if (found !== undefined) return found;
  console.error(`There is no sample "${name}". Samples: ${names.join(', ')}.`);
  process.exit(2);
}
