import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dieWithNpm } from './die-with.mjs';
import { installMissing, program, root, run } from './install.mjs';

/**
 * npm start [-- sample]: installs what is missing, builds the package and a sample (01-quick-start), and runs the
 * sample on an embedded PostgreSQL, or on the one of DATABASE_URL.
 */
const sample = join(root, 'sample', process.argv[2] ?? '01-quick-start');
installMissing();
run(process.execPath, [program('@nestjs/cli/bin/nest.js'), 'build']);
run(process.execPath, [program('typescript/bin/tsc'), '-p', join(sample, 'tsconfig.json')]);

process.env.NODE_ENV ??= 'development';
process.env.PORT ??= '3000';
process.setSourceMapsEnabled(true);

// The app runs in this very process, so signals reach it as they are, and kill -9 ends it.
if (process.env.npm_lifecycle_event === 'start') dieWithNpm();
await import(pathToFileURL(join(sample, 'dist', 'main.js')).href);
