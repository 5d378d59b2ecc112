import { sql } from '../sql.js';
import type { Session } from './session.js';

export interface ReplicaFindings {
  /** Id of its set of tables. */
  readonly instanceId: string;
  /** Nothing stands between that has sessions of its own (a pooler). */
  readonly direct: boolean;
}

/**
 * Looks at a replica by a session of it, which ends with that. A pooler greets with a process id of its own making; whether
 * notifications arrive cannot be tried, since a standby refuses LISTEN.
 */
export async function lookAtReplica(session: Session, schema: string): Promise<ReplicaFindings> {
  try {
    await session.connect();
    const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const tables = await session.query<{ id: string }>(sql('instance', schema));
    return { instanceId: tables.rows[0]?.id ?? '', direct: rows[0]?.pid === session.processId };
  } finally {
    session.end().catch(() => {});
  }
}
