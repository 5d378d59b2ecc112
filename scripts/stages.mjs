import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { root } from './install.mjs';

const MEMORY = join(root, 'node_modules/.cache/nest-durable/stages');

/**
 * Does a stage of a build, and says so, unless nothing that it depends on has changed since it was done last, and what it
 * made is still as it left it.
 *
 * @param what name of the stage, as it is said
 * @param of files and folders that it depends on; `except`: parts of paths that don't count
 * @param makes a file that it makes anew each time
 * @param work does it; where that fails the stage is not done
 * @param memory folder where it is noted what was done
 */
export async function stage(what, { of, except = [], makes, memory = MEMORY, say = console.log }, work) {
  const note = join(memory, `${what.replaceAll(/[^\w-]/g, '_')}.txt`);
  const before = fingerprint(of, except);
  const known = existsSync(note) ? readFileSync(note, 'utf8') : '';
  if (existsSync(makes) && known === `${before} ${timeOf(makes)}`) return;
  const began = Date.now();
  say(`${what} …`);
  await work();
  if (!existsSync(makes)) throw new Error(`${what} did not make ${makes}`);
  // What was changed meanwhile is not in it: it is found changed the next time.
  mkdirSync(dirname(note), { recursive: true });
  writeFileSync(note, `${before} ${timeOf(makes)}`);
  say(`${what}: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/** Names, sizes and times of all files. */
function fingerprint(paths, except) {
  const hash = createHash('sha256');
  for (const path of paths) {
    for (const file of filesOf(path)) {
      if (except.some((part) => file.includes(part))) continue;
      hash.update(`${file}\0${statSync(file).size}\0${timeOf(file)}\0`);
    }
  }
  return hash.digest('hex');
}

function filesOf(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const timeOf = (file) => statSync(file).mtimeMs;
