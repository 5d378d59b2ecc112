import { readFileSync } from 'node:fs';
import { shared } from './core/shared.js';

/** The version in this package's package.json, which stands beside lib/ as beside dist/. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The versions of all copies of the package that the process has loaded, by where they are. */
const copies = shared('copies', () => new Map<string, string>());
copies.set(new URL('..', import.meta.url).href, packageVersion());

/** Where the copies are, if their versions differ: they may not understand each other. Else null. */
export function mixedVersions(): string | null {
  if (new Set(copies.values()).size < 2) return null;
  return [...copies].map(([place, version]) => `${version} in ${place}`).join(' and ');
}
