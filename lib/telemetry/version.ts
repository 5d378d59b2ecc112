import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shared } from '../core/shared.js';
import { packageRoot } from '../storage/package-root.js';

/** The version in this package's package.json. */
export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The versions of all installs of the package that the process has loaded, by where they are. */
const copies = shared('copies', () => new Map<string, string>());
copies.set(packageRoot(), packageVersion());

/** The loaded copies of this package, when their versions differ and may not understand each other; else null. */
export function mixedVersions(): string | null {
  if (new Set(copies.values()).size < 2) return null;
  return [...copies].map(([place, version]) => `${version} in ${place}`).join(' and ');
}
