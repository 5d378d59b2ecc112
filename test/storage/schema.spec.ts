import { readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { sql, statementFiles } from '../../lib/storage/sql.js';
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

it('what updates many rows sets a column of each stored expression, or PostgreSQL 16 to 18 parse the expression again for each row', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client
    .query<{ table: string; expressions: string[][] }>(
      `SELECT one.table, json_agg(one.columns) AS expressions FROM (
         SELECT c.relname AS table, array_agg(r.attname::text) AS columns
         FROM pg_attrdef g
         JOIN pg_attribute a ON a.attrelid = g.adrelid AND a.attnum = g.adnum AND a.attgenerated = 's'
         JOIN pg_class c ON c.oid = g.adrelid
         JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid AND d.refobjid = c.oid AND d.refobjsubid <> a.attnum
         JOIN pg_attribute r ON r.attrelid = c.oid AND r.attnum = d.refobjsubid
         GROUP BY c.relname, g.oid
       ) one GROUP BY one.table`,
    )
    .finally(() => client.end());
  expect(rows.map(({ table }) => table).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'workflow_executions', 'workflow_queue',
  ]); // prettier-ignore
  const functions = readFileSync(new URL('../../migrations/0002-functions.sql', import.meta.url), 'utf8');
  const texts = [
    ...[...statementFiles().keys()].map((name) => [name, sql(name, 'durable')] as const),
    ...functions.split('CREATE FUNCTION ').map((text) => [text.split('(')[0] ?? '', text] as const),
  ];
  const found = rows.flatMap(({ table, expressions }) => {
    const updates = new RegExp(
      `UPDATE "?durable"?\\.${table}\\b[^;]*?\\bSET\\b([^]*?)(?=\\n *(?:FROM|WHERE|RETURNING)\\b|;)`,
      'g',
    );
    return texts.flatMap(([name, text]) =>
      [...text.matchAll(updates)]
        .filter(([, set = '']) => !expressions.every((columns) => columns.some((one) => set.includes(`${one} = `))))
        .map(() => `${name}: ${table}`),
    );
  });
  // Of one run, or of few; and the keys of runs that are claimed under a limit, once for each.
  expect(found.toSorted((a, b) => a.localeCompare(b))).toEqual([
    'abandon-steps: workflow_queue', 'commit-extras: workflow_queue', 'durable.reconcile: workflow_queue', 'durable.take_waits: workflow_queue',
    'end-retry-delay: workflow_executions', 'pause-run: workflow_queue', 'refuse-unkeyed: workflow_queue',
    'set-limit-keys: workflow_queue',
  ]); // prettier-ignore
});
