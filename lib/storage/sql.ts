import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../core/errors/errors.js';

/**
 * Statements that sessions of the pool prepare, beside those of sessions with a job of their own: they are sent often, and
 * their plans are the same whatever the tables hold.
 */
const PREPARED: ReadonlySet<string> = new Set(['send-event', 'send-event-and-claim', 'start-runs']);

/** A part of a statement that may be left out. */
const PART = /^-- \[(\w+)\n(.*?)^-- \1\]\n/gms;

const texts = new Map<string, string>();
const prepared = new Map<string, string>();
let files: ReadonlyMap<string, string> | undefined;

/**
 * The statement in sql/<room>/<name>.sql, for the tables of this schema. The files name the schema `durable`, so that they
 * are valid SQL that can be pasted into psql; `schema` must have passed `assertSchemaName`.
 */
export function sql(name: string, schema: string): string {
  const key = `${schema}/${name}`;
  let text = texts.get(key);
  if (text === undefined) {
    const [file = '', ...parts] = name.split('/');
    text = inSchema(withParts(readFileSync(fileOf(file), 'utf8'), parts), schema);
    texts.set(key, text);
    if (PREPARED.has(name)) prepared.set(text, name);
  }
  return text;
}

/**
 * Name of a statement with some of its parts: lines of its file between `-- [part` and `-- part]`. Without any it is the
 * file's as it stands.
 */
export function statementOf(file: string, parts: readonly string[]): string {
  return [file, ...parts].join('/');
}

function withParts(text: string, parts: readonly string[]): string {
  if (parts.length === 0) return text;
  return text.replaceAll(PART, (_, part: string, lines: string) =>
    parts.includes(part) ? withParts(lines, parts) : '',
  );
}

/** Name under which a session prepares the statement with this text; undefined: it is planned each time. */
export function preparedName(text: string): string | undefined {
  return prepared.get(text);
}

/** The file of each statement by its name; read when the first is asked for. */
export function statementFiles(): ReadonlyMap<string, string> {
  if (files === undefined) {
    const folder = fileURLToPath(new URL('./sql', import.meta.url));
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sql'));
    files = new Map(names.map((file) => [basename(file, '.sql'), join(folder, file)]));
  }
  return files;
}

function fileOf(name: string): string {
  const file = statementFiles().get(name);
  if (file === undefined) throw new Error(`no statement is called "${name}"`);
  return file;
}

/** Puts the configured schema in the place of the literal `durable.`. */
export function inSchema(text: string, schema: string): string {
  return text.replace(/\bdurable\.(?=[a-z_])/g, () => `"${schema}".`);
}

export const SCHEMA_RULE =
  'a plain identifier of up to 63 characters (a to z, 0 to 9 and _, not beginning with a digit or with pg_), and not ' +
  "public, where the app's own tables (events, migrations) would be in the way";

/** Lower case only: a name that needs quotes is a trap in every psql session after this. */
export function isSchemaName(name: string): boolean {
  return (
    /^[a-z_][a-z0-9_]{0,62}$/.test(name) && !name.startsWith('pg_') && !['information_schema', 'public'].includes(name)
  );
}

/** @throws ConfigurationError unless the name can be used as it is, unquoted in psql and in every message */
export function assertSchemaName(name: string): void {
  if (isSchemaName(name)) return;
  throw new ConfigurationError([{ path: 'schema', message: `expected ${SCHEMA_RULE}; got ${JSON.stringify(name)}` }]);
}
