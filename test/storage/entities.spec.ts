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
        AND c.relname = ANY ($2)
      ORDER BY c.relname, a.attname`,
    [testSchema, dataSource.entityMetadatas.map(({ tableName }) => tableName)],
  );
  expect(rows).toHaveLength(8);
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
  const repository = dataSource.getRepository(entities.definitions);
  await repository.insert({ name: 'order', version: 1, hash: 'h', definition: { nodes: [] }, inputSchema: null });
  expect(await repository.find()).toEqual([
    {
      id: expect.any(Number),
      name: 'order',
      version: 1,
      hash: 'h',
      definition: { nodes: [] },
      inputSchema: null,
      firstSeen: expect.any(Date),
      lastSeen: expect.any(Date),
    },
  ]);
  const [row] = await dataSource.query(
    `SELECT 'infinity'::timestamptz AS at, 7::bigint AS seq, '{1,2}'::integer[] AS ids`,
  );
  expect(row).toEqual({ at: Infinity, seq: 7, ids: [1, 2] });
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
