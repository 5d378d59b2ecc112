import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { WorkerProcess } from '../support/faults/worker-process.js';
import type { Random } from '../support/random.js';
import type { TcpProxy } from '../support/tcp-proxy.js';

/** What befalls a worker that stays; those that end one and begin another are the trial's. */
export interface Target {
  readonly proxy: TcpProxy;
  readonly worker: WorkerProcess;
  /** The worker's name in marks. */
  readonly label: string;
}

/** application_name of the connections of the app's own pool in a worker. */
export const APP_NAME = 'app';
/** Statements that a connection is cut at, or stopped on its way to the server with. */
const STATEMENTS = ['commit-group', 'COMMIT', 'claim'] as const;
/** ms until a statement like that has come along, or there is nothing to do. */
const SOON = 2_000;

export async function cutAtCommit({ proxy }: Target, random: Random): Promise<void> {
  await Promise.race([proxy.cutAt(random.pick(STATEMENTS), random.pick(['before', 'after'])), pause(SOON)]);
}

/** Sessions of the engine, in all processes, and of the app that a transactional step writes through. */
const SESSIONS = `
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND (application_name LIKE 'nest-durable:%' OR application_name = $1)`;

/** Ends some sessions, whatever they are at. */
export async function terminate(pool: pg.Pool, random: Random): Promise<void> {
  const some = `SELECT pg_terminate_backend(pid) FROM (${SESSIONS} ORDER BY random() LIMIT $2) picked`;
  await pool.query(some, [APP_NAME, random.pick([1, 1, 3, 100])]);
}

/**
 * Ends sessions in the middle of what they commit: the journal, or the queue, is locked until somebody waits for it. Those
 * that wait are ended, all or one, and the others go on.
 */
export async function terminateAtCommit(pool: pg.Pool, random: Random): Promise<void> {
  const table = random.pick(['step_executions', 'workflow_queue', 'waits']);
  const count = random.pick([1, 100]);
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`LOCK TABLE durable.${table} IN SHARE MODE`);
    const waiting = `${SESSIONS} AND wait_event_type = 'Lock' ORDER BY random() LIMIT $2`;
    // Less than any limit of theirs.
    for (let look = 0; look < 20; look++) {
      const { rows } = await pool.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) picked`, [APP_NAME, count]);
      if (rows.length > 0) break;
      await pause(10);
    }
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

/**
 * Stops the process for half a lease to two and a half, anywhere or with a statement on its way, which the server gets once
 * the process goes on. Notes when that was: until a worker knows what it has lost, it does what others do.
 */
export async function freeze(target: Target, random: Random, pool: pg.Pool, lease: number): Promise<void> {
  const { proxy, worker, label } = target;
  const ms = lease * (0.5 + 2 * random.next());
  const statement = random.pick([null, null, ...STATEMENTS]);
  const stopped = statement === null ? null : proxy.holdAt(statement);
  if (stopped !== null) await Promise.race([stopped, pause(SOON)]);
  const { rows } = await pool.query<{ id: string }>('INSERT INTO freezes (worker) VALUES ($1) RETURNING id', [label]);
  worker.send('SIGSTOP');
  try {
    await pause(ms);
  } finally {
    worker.send('SIGCONT');
    // One that comes along only now goes on at once.
    void stopped?.then((release) => release());
  }
  await pool.query('UPDATE freezes SET ended = clock_timestamp() WHERE id = $1', [rows[0]?.id]);
}
