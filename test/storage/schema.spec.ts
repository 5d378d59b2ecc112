import { readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { createTestDatabase, testSchema } from '../support/database.js';
import { dumpSchema } from '../support/schema-dump.js';

const file = new URL('./schema.sql', import.meta.url);

it('the migrated schema is that of test/storage/schema.sql (UPDATE_SCHEMA=1 writes it anew)', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const dump = await dumpSchema(client, testSchema).finally(() => client.end());
  const text = `-- The schema after all migrations, written by test/storage/schema.spec.ts.\n\n${dump}`;
  if (process.env['UPDATE_SCHEMA'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});
