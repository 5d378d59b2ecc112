import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../package-root.js';

/** One numbered file of the package's migrations/ folder. */
export interface Migration {
  readonly version: number;
  /** File name without `.sql`, such as `0001-tables`. */
  readonly name: string;
  /** The file's SQL, with the schema written as `durable`. */
  readonly up: string;
  /** The SQL that takes it back; null: it cannot be. */
  readonly down: string | null;
  /** SHA-256 of `up`. */
  readonly checksum: string;
}

let known: readonly Migration[] | undefined;

/** The migrations this package brings, in order. */
export function knownMigrations(): readonly Migration[] {
  known ??= readMigrations(join(packageRoot(), 'migrations'));
  return known;
}

/** Reads the `NNNN-name.sql` files of a folder, and the `NNNN-name.down.sql` beside them. */
export function readMigrations(folder: string): Migration[] {
  const files = readdirSync(folder).sort();
  return files
    .filter((file) => /^\d{4}-[a-z0-9-]+\.sql$/.test(file))
    .map((file) => {
      const name = file.slice(0, -'.sql'.length);
      const down = `${name}.down.sql`;
      const up = read(join(folder, file));
      return {
        version: Number(name.slice(0, 4)),
        name,
        up,
        down: files.includes(down) ? read(join(folder, down)) : null,
        checksum: createHash('sha256').update(up).digest('hex'),
      };
    });
}

/** A checkout on Windows may have changed the line ends; the checksum must not see that. */
function read(path: string): string {
  return readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
}
