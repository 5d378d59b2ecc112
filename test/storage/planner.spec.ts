import pg from 'pg';
import { INDEXES_ONLY } from '../../lib/storage/connection/planner.js';
import { sql } from '../../lib/storage/sql.js';
import { createTestDatabase } from '../support/database.js';

it('the server compiles no plan, however dear it looks', async () => {
  const { url } = await createTestDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query([...INDEXES_ONLY, 'jit'].map((setting) => `SET ${setting} = off`).join('; '));
    // Servers without LLVM (the embedded one) compile nothing anyhow: there only the setting tells.
    const { rows: settings } = await client.query('SHOW jit');
    expect(settings).toEqual([{ jit: 'off' }]);
    // Where what is switched off makes a plan dear (before PostgreSQL 18): this one has no index to go by.
    const text = sql('look-at-workers', 'durable').replaceAll('$1', 'NULL');
    const { rows: lines } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE) ${text}`);
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toContain('Execution Time');
    expect(plan).not.toContain('JIT');
  } finally {
    await client.end();
  }
});
