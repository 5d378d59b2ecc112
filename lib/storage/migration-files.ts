import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** The folder of our package.json: this file stands at another depth in lib/ than in dist/ of an installed package. */
function packageRoot(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json');
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string };
      if (name === 'nest-durable') return dir;
    }
    if (dir === dirname(dir)) throw new Error(`no package.json of nest-durable above ${import.meta.url}`);
  }
}
