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
    `nest-durable is part of a bundle${here === undefined ? '' : ` (${here})`}, where its own files (SQL, migrations) are not: ` +
    'mark it as external, and with it @nestjs/*, typeorm and pg, of which it shares one copy with the app ' +
    '(esbuild: --packages=external; webpack: externals; rollup and vite: external), and install them where the bundle runs.'
  );
}
