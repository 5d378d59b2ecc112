import { Connections } from '../../lib/storage/connection/connections.js';
import { resolveTarget } from '../../lib/storage/connection/database-target.js';
import { readsOf } from '../../lib/storage/connection/transaction.js';
import { createTestDatabase } from '../support/database.js';

it.each([true, false])('a look is cut short by the server, once, with a word for it (direct: %s)', async (direct) => {
  const { url } = await createTestDatabase();
  const connections = new Connections(resolveTarget({ url }), { direct });
  try {
    const query = readsOf(connections.readers());
    expect(await query('SELECT current_setting($1) AS limit', ['statement_timeout'])).toEqual([{ limit: '5s' }]);
    await expect(query('SELECT pg_sleep(60)', [])).rejects.toMatchObject({ code: 'TOO_SLOW' });
    expect(connections.readers()).toBe(connections.readers());
  } finally {
    await connections.close();
  }
});
