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

it('no index of the runs has a column that changes when one completes, or each end would write to every index', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // Keys, columns that are included, and predicates.
  const { rows } = await client
    .query<{ index: string; column: string }>(
      `SELECT i.indexrelid::regclass::text AS index, a.attname AS column
       FROM pg_index i
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid AND a.attnum > 0
       WHERE i.indrelid = 'durable.workflow_executions'::regclass`,
    )
    .finally(() => client.end());
  const changing = [
    'status',
    'updated_at',
    'started_at',
    'completed_at',
    'data_seq',
    'definition_id',
    'end_token',
    'snapshot',
  ];
  expect(rows).toContainEqual({ index: expect.stringMatching(/executions_error/), column: 'error_status' });
  expect(rows.filter(({ column }) => changing.includes(column))).toEqual([]);
});
