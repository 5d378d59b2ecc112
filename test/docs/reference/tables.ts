import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../pages.js';
import { code, headOf, prose, table } from './source.js';

interface Table {
  readonly name: string;
  readonly said: string;
  readonly columns: string[][];
}

/** docs/reference/tables.md: the tables and their columns, of the migration that makes them. */
export function tablesPage(): string {
  const about = [
    'They are in the schema `durable`, or the one of the option `schema`. Look at them as you like; leave the writing to the',
    'client and the command line, which keep what belongs together. Columns may change with any release; a report that must',
    'last is better made of the client, the dashboard’s API or the [events](events.md). Times are those of the database.',
  ].join('\n');
  const parts = [headOf('Tables', about)];
  for (const { name, said, columns } of tablesOf(readFileSync(join(repository, 'migrations/0001-tables.sql'), 'utf8'))) {
    parts.push(`## ${code(name)}\n\n${said === '' ? '' : `${said}\n\n`}${table(['column', 'type', ''], columns)}\n`);
  }
  return parts.join('\n');
}

const COLUMN = /^ {2}([a-z_]+) +((?:[a-z]+)(?:\[\])?)\b(.*)$/;
const NO_COLUMN = new Set(['CONSTRAINT', 'UNIQUE', 'PRIMARY', 'CASE', 'CHECK']);

function tablesOf(text: string): Table[] {
  const tables: Table[] = [];
  let said: string[] = [];
  let open: Table | null = null;
  for (const line of text.split('\n')) {
    const comment = /^ *-- (.*)$/.exec(line)?.[1];
    const made = /^CREATE TABLE durable\.(\w+)/.exec(line)?.[1];
    if (comment !== undefined) {
      said.push(comment);
      continue;
    }
    if (made !== undefined) {
      open = { name: made, said: prose(said.join(' ')), columns: [] };
      tables.push(open);
    } else if (line.startsWith(')')) open = null;
    const [, name = '', type = '', rest = ''] = COLUMN.exec(line) ?? [];
    if (open !== null && name !== '' && !NO_COLUMN.has(name.toUpperCase())) {
      const marks = /NOT NULL|PRIMARY KEY/.test(rest) ? '' : ' | NULL';
      open.columns.push([code(name), code(`${type}${marks}`), prose(said.join(' '))]);
    }
    said = [];
  }
  return tables;
}
