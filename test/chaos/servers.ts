import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { DurableHealthIndicator } from 'nest-durable';
import { type PostgresServer, startPostgres } from '../support/postgres-server.mjs';
import { DEBIAN_POSTGRES } from './needs.js';
import type { Trial } from './fault.js';

/** A statement on a session of its own, which may write also where the server says that nobody may. */
export async function admin(server: PostgresServer, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: server.url, options: '-c default_transaction_read_only=off' });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

export async function startDebianPostgres(trial: Trial, standbyOf?: string): Promise<PostgresServer> {
  const server = await startPostgres({}, { bin: DEBIAN_POSTGRES, ...(standbyOf === undefined ? {} : { standbyOf }) });
  trial.after(() => server.close());
  return server;
}

/** Until the primary's only standby gets all that is committed; `sync`: and is waited for by each commit. */
export async function replicates(primary: PostgresServer, state: 'async' | 'sync'): Promise<void> {
  if (state === 'sync')
    await admin(primary, `ALTER SYSTEM SET synchronous_standby_names = '*'`, 'SELECT pg_reload_conf()');
  const streaming = `SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '${state}'`;
  while ((await admin(primary, streaming)).length === 0) await pause(50);
}

export async function isDown(health: DurableHealthIndicator): Promise<boolean> {
  return (await health.readiness()).durable.status === 'down';
}

/** Until it is up again. */
export async function comesUp(health: DurableHealthIndicator): Promise<void> {
  while (await isDown(health)) await pause(50);
}
