import { installMissing, program, root, run } from './install.mjs';

/** npm test [-- jest arguments]: installs what is missing, then runs jest, which runs this package's ES modules. */
installMissing();
// Jest's support for ES modules is behind this flag, and warns of it once for each worker.
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const env = { ...process.env, NODE_OPTIONS: [process.env.NODE_OPTIONS, ...flags].filter(Boolean).join(' ') };
run(process.execPath, [program('jest/bin/jest.js'), ...process.argv.slice(2)], { cwd: root, env });
