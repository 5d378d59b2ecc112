import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installMissing, program, root, run } from './install.mjs';

/**
 * npm start [-- sample]: installs what is missing, builds the package and a sample (01-quick-start), and runs the
 * sample on an embedded PostgreSQL, or on the one of DATABASE_URL.
 */
const parent = process.ppid;
const sample = join(root, 'sample', process.argv[2] ?? '01-quick-start');
installMissing();
run(process.execPath, [program('@nestjs/cli/bin/nest.js'), 'build']);
run(process.execPath, [program('typescript/bin/tsc'), '-p', join(sample, 'tsconfig.json')]);

process.env.NODE_ENV ??= 'development';
process.env.PORT ??= '3000';
process.setSourceMapsEnabled(true);

// The app runs in this very process, so signals reach it as they are, and kill -9 ends it. npm passes signals on, but
// cannot when it is itself killed with -9: an app that then stayed would hold the port against the next start.
if (process.env.npm_lifecycle_event === 'start') {
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, 200).unref();
}
await import(pathToFileURL(join(sample, 'dist', 'main.js')).href);
