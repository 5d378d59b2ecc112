import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './swc-options.mjs';

const root = new URL('../../', import.meta.url);
const lib = new URL('lib/', root);
const packages = new Map([
  ['nest-durable', new URL('index.ts', lib).href],
  ['nest-durable/helpers', new URL('helpers.ts', lib).href],
  ['nest-durable/migrations', new URL('migrations.ts', lib).href],
  ['nest-durable/testing', new URL('testing/index.ts', lib).href],
]);

/** What an earlier process has made of a file: the tests start hundreds that read the same 300. */
const cache = new URL('node_modules/.cache/nest-durable/ts/', root);
/** A line map is read by nobody here. */
const options = { ...swcOptions, sourceMaps: false, module: { type: 'es6' }, configFile: false, swcrc: false };
const { version } = JSON.parse(readFileSync(new URL('node_modules/@swc/core/package.json', root), 'utf8'));
const made = JSON.stringify([version, options]);

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
  return { format: 'module', source: await codeOf(filename, await readFile(filename, 'utf8')), shortCircuit: true };
}

async function codeOf(filename, text) {
  const key = createHash('sha256').update(`${made}\n${filename}\n${text}`).digest('hex');
  const kept = new URL(`${key}.js`, cache);
  const known = await readFile(kept, 'utf8').catch(() => null);
  if (known !== null) return known;
  const { transform } = await import('@swc/core');
  const { code } = await transform(text, { ...options, filename });
  // Under its name only when it is whole: others read it at the same time.
  const draft = new URL(`${key}.${randomUUID()}`, cache);
  await mkdir(cache, { recursive: true });
  await writeFile(draft, code);
  await rename(draft, kept);
  return code;
}
