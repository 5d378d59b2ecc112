import type pg from 'pg';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { PgStore } from '../../lib/storage/engine/pg-store.js';
import { sql } from '../../lib/storage/sql.js';
import { connectTo } from '../support/connections.js';
import { Rows } from './rows.js';

const OLD = 40;

let rows: Rows;
let connections: Connections;
let store: PgStore;

beforeEach(async () => {
  rows = await Rows.open();
  connections = connectTo(rows.url);
  store = new PgStore({ connections, schema: 'durable', appDataSource: null });
});

afterEach(async () => {
  await connections.close();
  await rows.close();
});

/** The versions of "order" that a process may claim which has this one of them, as [version, the one that runs it]. */
async function claimable(own: number, versions: readonly number[], holder = 0): Promise<[number, number][]> {
  const found = await store.claimableDefinitions(holder, [versions[own - 1] ?? 0], ['default', 'ai']);
  return found
    .map(({ id, own: by }): [number, number] => [versions.indexOf(id) + 1, versions.indexOf(by) + 1])
    .sort((a, b) => a[0] - b[0]);
}

async function deployed(count: number): Promise<number[]> {
  const ids = [rows.definitionId];
  for (let version = 2; version <= count; version++) ids.push(await rows.addDefinition('order', version));
  return ids;
}

async function worker(definitions: readonly number[], columns = ''): Promise<number> {
  const { rows: made } = await rows.pool.query<{ id: number }>(
    `INSERT INTO durable.workers (host, pid, version, queues, definitions, expires_at${columns === '' ? '' : ', dead_at'})
     VALUES ('h', 1, '1', '{default}', $1, now() + interval '1 hour'${columns}) RETURNING id`,
    [definitions],
  );
  return made[0]?.id ?? 0;
}

describe('a process may claim', () => {
  it.each<[what: string, columns: Record<string, unknown>]>([
    ['ready', { state: 'ready' }],
    ['ready in another of its queues', { state: 'ready', queue: 'ai' }],
    ['asleep', { state: 'sleeping', due_at: 'infinity' }],
    ['set aside by a limit', { state: 'blocked', limit_key: 'order\n' }],
    ['ready, and paused', { state: 'ready', paused: true }],
    ['asleep, and paused', { state: 'sleeping', paused: true, due_at: 'infinity' }],
  ])('an earlier definition that a run has which is %s', async (_what, columns) => {
    const versions = await deployed(3);
    await rows.open({ definition_id: versions[0], ...columns });
    expect(await claimable(2, versions)).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(await claimable(3, versions)).toEqual([
      [1, 3],
      [3, 3],
    ]);
  });

  it('an earlier definition that a worker has: what it holds is given back at any moment', async () => {
    const versions = await deployed(3);
    const other = await worker([versions[0] ?? 0]);
    await rows.open({ definition_id: versions[0], state: 'running', worker_id: other });
    expect(await claimable(3, versions)).toEqual([
      [1, 3],
      [3, 3],
    ]);
  });

  it('a later definition once no living worker has it', async () => {
    const versions = await deployed(3);
    await rows.open({ definition_id: versions[2] });
    const own = await worker([versions[1] ?? 0]);
    const later = await worker([versions[2] ?? 0]);
    expect(await claimable(2, versions, own)).toEqual([[2, 2]]);
    // As if the server's clock were set forward: its lease looks expired until its next heartbeat.
    await rows.pool.query("UPDATE durable.workers SET expires_at = now() - interval '1 hour' WHERE id = $1", [later]);
    expect(await claimable(2, versions, own)).toEqual([[2, 2]]);
    await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [later]);
    expect(await claimable(2, versions, own)).toEqual([
      [2, 2],
      [3, 2],
    ]);
  });

  it('its own, and nothing that no unfinished run has, nor what only runs of other queues and workflows have', async () => {
    const versions = await deployed(4);
    await rows.run({ definition_id: versions[0], status: 'completed' });
    await rows.open({ definition_id: versions[1], queue: 'elsewhere' });
    await rows.open({ definition_id: await rows.addDefinition('mail', 1) });
    expect(await claimable(3, versions)).toEqual([[3, 3]]);
  });
});

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

/** Pages that the statement touches, planned as its session plans it. */
async function pages(client: pg.PoolClient, own: number, holder: number): Promise<number> {
  const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql('claimable-definitions', 'durable')}`;
  const { rows: found } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(text, [holder, [own], ['default']]);
  const plan = found[0]?.['QUERY PLAN'][0]?.Plan;
  if (plan === undefined) throw new Error('no plan');
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

it(`${OLD} earlier definitions and 60 000 unfinished runs cost what an empty database does, however they are spread`, async () => {
  const versions = await deployed(OLD + 1);
  const own = versions.at(-1) ?? 0;
  const holder = await worker([own]);
  const client = await rows.pool.connect();
  try {
    await client.query('VACUUM ANALYZE');
    const empty = await pages(client, own, holder);
    const add = (count: number, definition: string, columns: string): Promise<unknown> =>
      client.query(
        `INSERT INTO durable.workflow_queue (id, definition_id, priority, queue, due_at, state, worker_id)
         SELECT gen_random_uuid(), ${definition}, 0, 'default', ${columns} FROM generate_series(1, $1::integer) AS n`,
        [count],
      );
    await add(20_000, String(own), `now() + interval '1 day', 'sleeping', NULL`);
    await add(10_000, String(own), `now(), 'ready', NULL`);
    await add(2_000, String(own), `now(), 'running', ${holder}`);
    const grown = await pages(client, own, holder);
    await client.query('VACUUM ANALYZE');
    for (const large of [grown, await pages(client, own, holder)]) expect(large).toBeLessThan(empty + 40);

    await add(20_000, `(ARRAY[${versions.join(',')}])[1 + n % ${OLD + 1}]`, `'infinity', 'sleeping', NULL`);
    await add(10_000, `(ARRAY[${versions.join(',')}])[1 + n % ${OLD + 1}]`, `now(), 'ready', NULL`);
    const spread = await pages(client, own, holder);
    await client.query('VACUUM ANALYZE');
    // A look or two into the index for each definition.
    for (const large of [spread, await pages(client, own, holder)]) expect(large).toBeLessThan(empty + 20 * OLD);
  } finally {
    client.release();
  }
});
