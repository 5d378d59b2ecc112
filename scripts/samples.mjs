import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

const folder = join(root, 'sample');

/** The names of the samples, in order. */
export function samples() {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'tsconfig.json')))
    .sort();
}

/** The sample that is meant: by its name, its number, or its name without the number; undefined: none is. */
export function findSample(given) {
  return samples().find(
    (name) => name === given || name.split('-', 1)[0] === given || name.replace(/^\d+-/, '') === given,
  );
}

/** What somebody is told who has named one that is not there. */
export function noSuchSample(given) {
  return `There is no sample "${given}". There are:\n${samples()
    .map((name) => `  npm start -- ${name}`)
    .join('\n')}`;
}
