import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Context } from '../command.js';
import { checkSchema } from '../database/target.js';

const FOLDER = 'src/migrations';
const PACKAGE = 'nest-durable/migrations';

/** Writes the file that brings our migrations to TypeORM's own runner, unless one of the folder does so already. */
export function generate({ screen, cwd, globals }: Context, folder = FOLDER): number {
  const { schema = 'durable' } = globals;
  checkSchema(schema);
  const dir = resolve(cwd, folder);
  const found = existsSync(dir) ? readdirSync(dir).find((name) => isWrapper(join(dir, name))) : undefined;
  const file = join(dir, found ?? `${Date.now()}-durable.ts`);
  if (found === undefined) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(file, wrapper(schema));
  }
  const near = relative(cwd, file);
  const shown = near.startsWith('..') ? file : near;
  if (screen.isJson) screen.json({ file: shown, written: found === undefined });
  else if (found === undefined) screen.line(`Wrote ${shown}. Set migrations: 'check' in DurableModule.forRoot().`);
  else screen.line(`${shown} brings the migrations already: nothing was written.`);
  return 0;
}

function isWrapper(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path) && readFileSync(path, 'utf8').includes(PACKAGE);
}

/** TypeORM's runner takes every class in what a file exports, also those in a list. */
function wrapper(schema: string): string {
  const options = schema === 'durable' ? '' : `{ schema: '${schema}' }`;
  return `import { durableMigrations } from '${PACKAGE}';

/** The tables of nest-durable, for TypeORM's own runner. A new version of the package brings its new migrations here. */
export const migrations = durableMigrations(${options});
`;
}
