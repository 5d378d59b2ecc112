import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';
import { swcOptions } from './swc-options.mjs';

const lib = new URL('../../lib/', import.meta.url);
const packages = new Map([
  ['nest-durable', new URL('index.ts', lib).href],
  ['nest-durable/helpers', new URL('helpers.ts', lib).href],
  ['nest-durable/migrations', new URL('migrations.ts', lib).href],
  ['nest-durable/testing', new URL('testing/index.ts', lib).href],
]);

/** `./x.js` is `./x.ts` in the sources, and the package's own name means its sources. */
export async function resolve(specifier, context, next) {
  const own = packages.get(specifier);
  if (own !== undefined) return { url: own, format: 'module', shortCircuit: true };
  if (/^\.{1,2}\/.*\.js$/.test(specifier) && context.parentURL?.endsWith('.ts')) {
    const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(url)) return { url: url.href, format: 'module', shortCircuit: true };
  }
  if (specifier.endsWith('.ts') && specifier.startsWith('file:')) {
    return { url: specifier, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  const options = { ...swcOptions, filename, module: { type: 'es6' }, configFile: false, swcrc: false };
  const { code } = await transform(await readFile(filename, 'utf8'), options);
  return { format: 'module', source: code, shortCircuit: true };
}
