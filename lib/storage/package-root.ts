import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MANIFEST = 'package.json';

/**
 * The folder of our package.json: this file stands at another depth in lib/ than in the two builds of an installed
 * package.
 * @throws Error where this code was put into a bundle: the package's own files (SQL, migrations) are not beside it
 */
export function packageRoot(): string {
  // A bundler that makes CommonJS of it leaves nothing of import.meta.
  const here: string | undefined = import.meta.url;
  for (let dir = here === undefined ? '/' : dirname(fileURLToPath(here)); ; dir = dirname(dir)) {
    if (isOurs(join(dir, MANIFEST))) return dir;
    if (dir === dirname(dir)) throw new Error(bundled(here));
  }
}

function isOurs(manifest: string): boolean {
  if (!existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'nest-durable';
}

function bundled(here: string | undefined): string {
  return (
    `nest-durable is part of a bundle${here === undefined ? '' : ` (${here})`} and does not find its own files there (SQL, migrations): ` +
    "mark it as external in the bundler's options (esbuild: --external:nest-durable; webpack, rollup, vite: external: ['nest-durable']) " +
    'and install it beside the bundle.'
  );
}
