import { jest } from '@jest/globals';
import type pg from 'pg';
import { PgReads } from '../../lib/storage/reads/reads.js';

/**
 * From now on lists have pages of so many runs, and the last run of each is deleted before the next is read, as retention may
 * do. Lasts until the mocks are restored. Returns the ids of those that went.
 */
export function loseBorders(pool: pg.Pool, size: number): string[] {
  const { page, listIds } = PgReads.prototype;
  const gone: string[] = [];
  let border: string | null = null;
  const paged = async <P extends object>(
    limit: number,
    read: (limit: number) => Promise<P>,
    idsOf: (page: P) => readonly string[],
  ): Promise<P> => {
    if (border !== null) {
      await removeRun(pool, border);
      gone.push(border);
    }
    const most = Math.min(limit, size);
    const found = await read(most);
    border = idsOf(found)[most - 1] ?? null;
    return found;
  };
  jest.spyOn(PgReads.prototype, 'page').mockImplementation(function (this: PgReads, filters) {
    const read = (limit: number) => page.call(this, { ...filters, limit });
    return paged(filters.limit ?? size, read, ({ runs }) => runs.map(({ id }) => id));
  });
  jest.spyOn(PgReads.prototype, 'listIds').mockImplementation(function (this: PgReads, filters) {
    const read = (limit: number) => listIds.call(this, { ...filters, limit });
    return paged(filters.limit ?? size, read, ({ ids }) => ids);
  });
  return gone;
}

/** As retention deletes it. */
export async function removeRun(pool: pg.Pool, id: string): Promise<void> {
  for (const table of ['step_executions', 'waits', 'events'])
    await pool.query(`DELETE FROM durable.${table} WHERE run_id = $1`, [id]);
  for (const table of ['workflow_queue', 'workflow_executions'])
    await pool.query(`DELETE FROM durable.${table} WHERE id = $1`, [id]);
}
