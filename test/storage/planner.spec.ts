import pg from 'pg';
import { SWITCHED_OFF } from '../../lib/storage/planner.js';
import { createTestDatabase, testSchema } from '../support/database.js';

it('what sessions of the engine switch off is off in its functions too', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; settings: string[] }>(
      `SELECT p.proname AS name, p.proconfig AS settings
       FROM pg_proc p
       WHERE p.pronamespace = $1::regnamespace AND 'enable_seqscan=off' = ANY (p.proconfig)`,
      [testSchema],
    );
    expect(rows.length).toBeGreaterThan(0);
    const off = SWITCHED_OFF.map((setting) => `${setting}=off`);
    for (const { name, settings } of rows) {
      expect({ name, settings }).toEqual({ name, settings: expect.arrayContaining(off) });
    }
  } finally {
    await client.end();
  }
});
