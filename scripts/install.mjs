import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Runs a command to its end in the repository; ends this process with its exit code when it fails. */
export function run(command, args, options = {}) {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell, ...options });
  if (status === 0) return;
  if (error) console.error(`${command}: ${error.message}`);
  process.exit(signal === null ? (status ?? 1) : 1);
}

/** The path of a program of a dependency, run by this node without npx, which costs half a second. */
export function program(path) {
  return join(root, 'node_modules', path);
}

/**
 * Installs the dependencies unless they are there. npm writes node_modules/.package-lock.json at the end of an install,
 * so one that is missing or older than package-lock.json means an install that is missing, unfinished or out of date.
 *
 * Not `npm ci`: that one refuses a lock file without the builds for every other platform, and a registry mirror that
 * lags behind does not offer them all. `--no-save` keeps to the lock file, and leaves it as it is.
 */
export function installMissing() {
  const lock = join(root, 'package-lock.json');
  const done = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log('installing the dependencies (npm install)');
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
}
