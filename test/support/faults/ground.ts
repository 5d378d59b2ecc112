import pg from 'pg';
import { migrate } from '../../../lib/storage/migrations/migrator.js';
import { createTestDatabase, testSchema } from '../database.js';
import type { DatabaseRules } from '../leak-check.mjs';
import { startAudit } from '../invariants.js';
import { createEffects } from './effects.js';

/** A database for a test of faults: effects, gates and bookings beside the engine's tables, and the audit's log. */
export interface Ground {
  /** The engine's. */
  readonly url: string;
  /** Straight to the engine's server, past every fault of the network. */
  readonly pool: pg.Pool;
  /** Of effects and gates: the same database, or one on a server that nothing befalls. */
  readonly effects: { readonly url: string; readonly pool: pg.Pool };
  /** Ends the pools. */
  close(): Promise<void>;
}

/** @param server URL of a database on a server of its own for the engine; effects and gates stay on that of the run */
export async function openGround(server?: string, rules: DatabaseRules = {}): Promise<Ground> {
  const { url: shared } = await createTestDatabase(rules);
  const effects = { url: shared, pool: poolOf(shared) };
  if (server === undefined) {
    await prepareGround(effects.pool);
    return { url: shared, pool: effects.pool, effects, close: () => effects.pool.end() };
  }
  await createEffects(effects.pool);
  const pool = poolOf(server);
  await migrate({ connectionString: server, schema: testSchema });
  await prepareGround(pool);
  return {
    url: server,
    pool,
    effects,
    async close() {
      await Promise.all([pool.end(), effects.pool.end()]);
    },
  };
}

export async function prepareGround(pool: pg.Pool): Promise<void> {
  await createEffects(pool);
  await pool.query('CREATE TABLE bookings (run uuid NOT NULL, step text NOT NULL)');
  await startAudit(pool);
}

/** What the run has booked, by step. */
export async function bookingsOf(pool: pg.Pool, run: string): Promise<string[]> {
  const { rows } = await pool.query<{ step: string }>('SELECT step FROM bookings WHERE run = $1 ORDER BY step', [run]);
  return rows.map(({ step }) => step);
}

const SETTINGS = [
  'statement_timeout=0',
  'lock_timeout=0',
  'idle_session_timeout=0',
  'idle_in_transaction_session_timeout=0',
  'search_path=public',
  'DateStyle=ISO',
  'standard_conforming_strings=on',
  'array_nulls=on',
  'bytea_output=hex',
  'extra_float_digits=1',
  'default_transaction_isolation=read\\ committed',
];

function poolOf(connectionString: string): pg.Pool {
  // A test's own sessions, whatever the server or the database is set to for the engine's sake.
  const options = SETTINGS.map((setting) => `-c ${setting}`).join(' ');
  const pool = new pg.Pool({ connectionString, max: 20, options });
  // A session that is killed while it is idle; whoever uses one hears of it himself.
  pool.on('error', () => {});
  return pool;
}
