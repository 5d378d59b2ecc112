import { randomUUID } from 'node:crypto';
import { isRejectedByServer, isRetryableRejection } from './connection-errors.js';
import type { DatabaseTarget } from './database-target.js';
import type { SessionSpec } from './session-settings.js';
import { Session } from './session.js';

/** Findings about the server. */
export interface ServerFindings {
  /** Major version. */
  readonly version: number;
  /** Of the database: UTF8, LATIN1, ... */
  readonly encoding: string;
  /** Nothing stands between that has sessions of its own (a pooler): what is set on a session is set on ours alone. */
  readonly direct: boolean;
  /** True: notifications arrive. */
  readonly notified: boolean;
}

/** ms that a notification may take. */
const ECHO_TIMEOUT = 2_000;

/** Sets nothing: it is not known yet whose session it is. */
const SESSION: SessionSpec = {
  role: 'first',
  name: 'nest-durable:boot',
  direct: false,
  limits: { statement: 10_000, lock: 1_000, idleInTransaction: 5_000 },
};

/**
 * Looks at the server before the engine's sessions are made.
 *
 * A pooler greets with a process id of its own making, and behind one in transaction mode notifications never arrive. A
 * session of either kind is not ours alone. Of a server that refuses LISTEN, as some that speak PostgreSQL's protocol do,
 * nothing better is known.
 *
 * @param echo whether to look if notifications arrive; where they are not wanted anyhow a pooler is taken for granted
 */
export async function probeServer(target: DatabaseTarget, echo: boolean): Promise<ServerFindings> {
  const session = new Session(target, SESSION);
  try {
    await session.connect();
    const { rows } = await session.query<{ version: number; encoding: string; pid: number }>(
      `SELECT current_setting('server_version_num')::integer / 10000 AS version,
         current_setting('server_encoding') AS encoding, pg_backend_pid() AS pid`,
    );
    const { version = 0, encoding = '', pid = 0 } = rows[0] ?? {};
    const notified = echo && (await hearsItself(target, session));
    return { version, encoding, notified, direct: notified && pid === session.processId };
  } finally {
    session.end().catch(() => {});
  }
}

/** Tries to find the session again that a pooler has lent for LISTEN; as a rule it lends the one that it got back last. */
const UNLISTEN_TRIES = 20;

/** On a channel of its own. */
async function hearsItself(target: DatabaseTarget, session: Session): Promise<boolean> {
  const channel = `durable_${randomUUID().replaceAll('-', '')}`;
  const sender = new Session(target, SESSION);
  let timer: NodeJS.Timeout | undefined;
  try {
    const heard = new Promise<boolean>((resolve) => {
      session.on('notification', (message) => message.channel === channel && resolve(true));
    });
    const silence = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ECHO_TIMEOUT)));
    const listens = await unlessRefused(onSession(session, `LISTEN ${channel}`));
    if (listens === null) return false;
    await sender.connect();
    const sent = await unlessRefused(sender.query('SELECT pg_notify($1, $2)', [channel, 'echo']));
    const hears = sent !== null && (await Promise.race([heard, silence]));
    // A pooler's session would go on listening, for whoever has it next.
    for (let n = 0; n < UNLISTEN_TRIES && (await onSession(session, `UNLISTEN ${channel}`)) !== listens; n++);
    return hears;
  } finally {
    clearTimeout(timer);
    sender.end().catch(() => {});
  }
}

/** Null: the server does not do such a thing, and will not the next time. */
async function unlessRefused<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isRejectedByServer(error) && !isRetryableRejection(error)) return null;
    throw error;
  }
}

/** Does it, and gives the number of the server's process that has: in one message, which no pooler takes apart. */
async function onSession(session: Session, statement: string): Promise<number | undefined> {
  const results: unknown = await session.query(`${statement}; SELECT pg_backend_pid() AS pid`);
  return (results as { rows: { pid: number }[] }[])[1]?.rows[0]?.pid;
}
