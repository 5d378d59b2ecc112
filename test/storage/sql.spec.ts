import { readdirSync, readFileSync } from 'node:fs';
import { assertSchemaName, inSchema, sql, statementFiles } from '../../lib/storage/sql.js';

describe('schema names', () => {
  it.each(['durable', '_x1', 'a'.repeat(63)])('takes %s', (name) => {
    expect(() => assertSchemaName(name)).not.toThrow();
  });

  it.each(['', 'Durable', '1a', 'pg_mine', 'a b', 'a"b', 'a'.repeat(64), 'information_schema', 'public'])(
    'refuses %j',
    (name) => {
      expect(() => assertSchemaName(name)).toThrow(/schema: expected a plain identifier of up to 63 characters/);
    },
  );

  it('are put where the files say durable, and nowhere else', () => {
    expect(inSchema('SELECT durable.clock(), nondurable.x, durable.5 FROM durable.workers', 'order')).toBe(
      'SELECT "order".clock(), nondurable.x, durable.5 FROM "order".workers',
    );
  });
});

it('is ASCII in every file, since a comment goes to the server too and a database may have any encoding', () => {
  for (const folder of ['../../lib/storage/sql/', '../../migrations/']) {
    const files = readdirSync(new URL(folder, import.meta.url), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.sql'))) {
      const text = readFileSync(new URL(folder + file, import.meta.url), 'utf8');
      expect([file, text.match(/[^\t\n\x20-\x7e]/g)]).toEqual([file, null]);
    }
  }
});

/** Those that ask the server's own catalogues: they are given the schema as a parameter. */
const CATALOGUES = ['doctor-server', 'doctor-tables'];

describe('sql', () => {
  const statements = [...statementFiles().keys()];

  it('are called by different names in different rooms', () => {
    const folder = new URL('../../lib/storage/sql/', import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sql'));
    expect(files).toHaveLength(statements.length);
  });

  it.each(statements)('%s has a header with its parameters, and one statement that ends with a semicolon', (name) => {
    const text = sql(name, 'mine');
    const [header = ''] = /^(?:--.*\n)+/.exec(text) ?? [];
    const body = text.slice(header.length);
    const code = body.replaceAll(/--.*/g, '').replaceAll(/'[^']*'/g, "''");
    const used = new Set([...body.replaceAll(/--.*/g, '').matchAll(/\$(\d+)\b/g)].map(([, number]) => Number(number)));
    const named = [...header.matchAll(/^-- \$(\d+) [a-z0-9]+(?:\[\])?: ./gm)].map(([, number]) => Number(number));
    expect(header).toMatch(/^-- [A-Z`(]/);
    expect(named).toEqual([...used].sort((a, b) => a - b));
    expect(code).toMatch(/^[^;]+;\n$/);
    expect(body).not.toMatch(/\bcoalesce\b/);
  });

  it.each(statements)('%s is read, for the schema asked for and no other', (name) => {
    expect(sql(name, 'mine')).not.toMatch(/\bdurable\.[a-z]/);
    expect(sql(name, 'mine')).toContain(CATALOGUES.includes(name) ? '$1' : '"mine".');
    expect(sql(name, 'yours')).not.toContain('"mine".');
  });
});
