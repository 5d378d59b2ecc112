import { readFileSync } from 'node:fs';
import { packageRoot } from '../storage/package-root.js';
import { join } from 'node:path';

/** Of this package. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}
