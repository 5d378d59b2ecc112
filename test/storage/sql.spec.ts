import { readdirSync } from 'node:fs';
import { assertSchemaName, inSchema, sql } from '../../lib/storage/sql.js';

describe('schema names', () => {
  it.each(['durable', '_x1', 'a'.repeat(63)])('takes %s', (name) => {
    expect(() => assertSchemaName(name)).not.toThrow();
  });

  it.each(['', 'Durable', '1a', 'pg_mine', 'a b', 'a"b', 'a'.repeat(64), 'information_schema'])(
    'refuses %j',
    (name) => {
      expect(() => assertSchemaName(name)).toThrow(/schema: expected up to 63 of a-z/);
    },
  );

  it('are put where the files say durable, and nowhere else', () => {
    expect(inSchema('SELECT durable.clock(), nondurable.x, durable.5 FROM durable.workers', 'order')).toBe(
      'SELECT "order".clock(), nondurable.x, durable.5 FROM "order".workers',
    );
  });
});

describe('sql', () => {
  const folder = new URL('../../lib/storage/sql/', import.meta.url);
  const statements = readdirSync(folder).map((file) => file.replace(/\.sql$/, ''));

  it.each(statements)('%s is read, for the schema asked for and no other', (name) => {
    expect(sql(name, 'mine')).not.toMatch(/\bdurable\.[a-z]/);
    expect(sql(name, 'mine')).toContain('"mine".');
    expect(sql(name, 'yours')).not.toContain('"mine".');
  });
});
