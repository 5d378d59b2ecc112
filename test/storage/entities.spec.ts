import pg from 'pg';
import { DataSource } from 'typeorm';
import { openDataSource } from '../../lib/storage/connection/data-source.js';
import { createEntities } from '../../lib/storage/entities.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase, type TestDatabase, testSchema } from '../support/database.js';
import { dumpSchema } from '../support/schema-dump.js';

let database: TestDatabase;
let client: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterEach(async () => {
  await client.end();
});

it('describe every column of their tables: name, type, null, array, key', async () => {
  const connections = connectTo(database.url);
  const { dataSource } = await openDataSource(connections.pool, testSchema);
  const { rows } = await client.query(
    `SELECT c.relname AS table, a.attname AS column, NOT a.attnotnull AS nullable,
            CASE WHEN a.attndims > 0 THEN format_type(t.typelem, NULL) ELSE format_type(a.atttypid, NULL) END AS type,
            a.attndims > 0 AS array, EXISTS (
              SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)
            ) AS key
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
      WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        AND c.relname NOT IN ('instance', 'migrations', 'requests')
      ORDER BY c.relname, a.attname`,
    [testSchema],
  );
  const described = dataSource.entityMetadatas
    .flatMap(({ tableName, columns }) =>
      columns.map((column) => ({
        table: tableName,
        column: column.databaseName,
        nullable: column.isNullable,
        type: column.type === 'timestamptz' ? 'timestamp with time zone' : column.type,
        array: column.isArray,
        key: column.isPrimary,
      })),
    )
    .sort((a, b) => (`${a.table}.${a.column}` < `${b.table}.${b.column}` ? -1 : 1));
  await connections.close();
  expect(described).toEqual(rows);
});

it("leave the tables alone under a host's synchronize: true, for two schemas in one DataSource", async () => {
  const before = await dumpSchema(client, testSchema);
  const entities = [...Object.values(createEntities(testSchema)), ...Object.values(createEntities('second'))];
  const host = new DataSource({ type: 'postgres', url: database.url, entities, synchronize: true });
  await host.initialize();
  await host.destroy();
  expect(await dumpSchema(client, testSchema)).toBe(before);
});

it('read rows as their interfaces say', async () => {
  const connections = connectTo(database.url);
  const { dataSource, entities } = await openDataSource(connections.pool, testSchema);
  await client.query(
    `INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue, progress_seq)
     VALUES ('00000000-0000-7000-8000-000000000001', 'infinity', 1, 0, 'sleeping', 'q', 7)`,
  );
  await client.query(
    `INSERT INTO durable.workers (host, pid, version, queues, definitions, expires_at)
     VALUES ('h', 1, '1', '{a,b}', '{1,2}', '2030-01-01T00:00:00Z')`,
  );
  const [run] = await dataSource.getRepository(entities.queue).find();
  expect(run).toMatchObject({ dueAt: Infinity, progressSeq: 7, paused: false, stepOf: null });
  const [worker] = await dataSource.getRepository(entities.workers).find();
  expect(worker).toMatchObject({
    queues: ['a', 'b'],
    definitions: [1, 2],
    expiresAt: new Date('2030-01-01T00:00:00Z'),
  });
  await connections.close();
});

it('are read through the pool that all share: TypeORM opens no session', async () => {
  const connections = connectTo(database.url, { poolSize: 2 });
  const { dataSource } = await openDataSource(connections.pool, testSchema);
  await Promise.all([1, 2, 3, 4].map(() => dataSource.query('SELECT pg_sleep(0.01)')));
  const { rows } = await client.query(
    `SELECT application_name AS name, count(*)::integer AS n FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY 1`,
  );
  await connections.close();
  expect(rows).toEqual([{ name: 'nest-durable:pool', n: 2 }]);
});
