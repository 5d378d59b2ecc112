import pg from 'pg';
import { createTestDatabase } from '../database.js';
import { startAudit } from '../invariants.js';
import { createEffects } from './effects.js';

/** A database for a test of faults: effects, gates and bookings beside the engine's tables, and the audit's log. */
export interface Ground {
  readonly url: string;
  /** Straight to the server, past every fault. */
  readonly pool: pg.Pool;
}

export async function openGround(): Promise<Ground> {
  const { url } = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 20 });
  await prepareGround(pool);
  return { url, pool };
}

export async function prepareGround(pool: pg.Pool): Promise<void> {
  await createEffects(pool);
  await pool.query('CREATE TABLE bookings (run uuid NOT NULL, step text NOT NULL)');
  await startAudit(pool);
}
