import { ConnectionLostError } from './connection-errors.js';
import { SteadyClient, type SteadyClientOptions } from './connection.js';
import { describeTarget, type DatabaseTarget } from './database-target.js';
import { ReadReplica, type ReadReplicaParts } from './read-replica.js';
import { SessionPool } from './session-pool.js';
import { limitsFor, type SessionSpec } from './session-settings.js';
import { Session } from './session.js';
import { queryOf } from './transaction.js';

export interface ConnectionsOptions {
  /** False behind a transaction-mode pooler: nothing is set on a session, and no statement is named. */
  readonly direct: boolean;
  /** Sessions of the pool at most. Default: 4. */
  readonly poolSize?: number;
  /** ms; time limits of sessions are well under it. Default: 30 000. */
  readonly leaseTimeout?: number;
}

/** Purpose of a connection of its own. */
export type Role = 'writer' | 'claims' | 'heartbeat' | 'listener';

const POOL_SIZE = 4;
const LEASE = 30_000;
const READERS = 4;
/** ms for one statement of a look. */
const LONGEST_LOOK = 5_000;
/** ms that what is under way has at the end. */
const LAST_ANSWERS = 300;
/** ms that a session of the replica may take to open: the primary stands in for it. */
const REPLICA_OPENS = 2_000;

/**
 * Makes every session of one instance of the engine: the four that have a job of their own, and one pool for all else.
 * So a process opens at most `poolSize` + 4, and 4 more while people look at what it does; with a replica as many there.
 */
export class Connections {
  readonly pool: SessionPool;
  private readonly reading = new Map<number, SessionPool>();
  private readonly replicas: ReadReplica[] = [];
  readonly direct: boolean;
  private readonly open = new Set<Session>();
  private readonly steadies: SteadyClient[] = [];
  private readonly limits: ReturnType<typeof limitsFor>;
  private closing: Promise<void> | null = null;

  constructor(
    readonly target: DatabaseTarget,
    { direct, poolSize = POOL_SIZE, leaseTimeout = LEASE }: ConnectionsOptions,
  ) {
    this.direct = direct;
    this.limits = limitsFor(leaseTimeout);
    const spec = { role: 'pooled', name: 'nest-durable:pool', direct, limits: this.limits.pool };
    this.pool = new SessionPool(() => this.make(spec), poolSize);
  }

  /** ms for which the server keeps a transaction in which nothing is said: well under a lease. */
  get idleInTransaction(): number {
    return this.limits.work.idleInTransaction;
  }

  /**
   * Sessions for what people look at, made when somebody does: a look that takes too long is cut short, is not tried again,
   * and takes no session from the work. The last of them goes when nobody has looked for a while.
   * @param longest ms that a statement may take; looks of another length have sessions of their own, one. Default: 5000
   */
  readers(longest = LONGEST_LOOK): SessionPool {
    let pool = this.reading.get(longest);
    if (pool === undefined) {
      const limits = { ...this.limits.pool, statement: longest };
      const spec = { role: 'reading', name: 'nest-durable:reads', direct: this.direct, limits };
      const size = longest === LONGEST_LOOK ? READERS : 1;
      pool = new SessionPool(() => this.make(spec), size, { kept: 0, triedOnce: true });
      this.reading.set(longest, pool);
    }
    return pool;
  }

  /** A replica for what people look at, and for what may be late. `readers()` stands in for it. */
  replica(
    target: DatabaseTarget,
    of: Pick<ReadReplicaParts, 'schema' | 'instanceId' | 'onTrouble' | 'now'>,
  ): ReadReplica {
    const limits = { ...this.limits.pool, statement: LONGEST_LOOK };
    const spec = { role: 'reading', name: 'nest-durable:replica', reads: true, limits };
    const { openTimeout = REPLICA_OPENS } = target;
    const aim = { ...target, openTimeout: Math.min(openTimeout, REPLICA_OPENS) };
    const replica = new ReadReplica({
      ...of,
      make: (direct) => this.make({ ...spec, direct }, aim),
      size: READERS,
      longest: LONGEST_LOOK,
      primary: this.readers(),
      ask: queryOf(this.readers()),
      where: describeTarget(target),
    });
    this.replicas.push(replica);
    return replica;
  }

  /** @param name application_name of the session. Default: `nest-durable:ROLE` */
  steady(role: Role, options: SteadyClientOptions & { readonly name?: string } = {}): SteadyClient {
    const limits = role === 'writer' || role === 'claims' ? this.limits.work : this.limits[role];
    const { name = `nest-durable:${role}`, ...rest } = options;
    const spec: SessionSpec = { role, name, direct: this.direct, limits, indexesOnly: role !== 'listener' };
    const client = new SteadyClient(() => this.make(spec), rest);
    this.steadies.push(client);
    return client;
  }

  /**
   * Ends all sessions of the server, which was seen to take no writes any more: after a failover the old primary may live on,
   * read-only, and a session that only reads or listens would never notice. The next ones are opened where one can write.
   */
  readonly leaveServer = (): void => {
    for (const session of this.open) {
      if (session.spec.reads === true) continue;
      session.destroy(new ConnectionLostError('the server takes no writes any more', true));
    }
  };

  /** Ends all of them, within 300 ms, whatever the network says. Safe to call twice. */
  close(): Promise<void> {
    this.closing ??= this.endAll();
    return this.closing;
  }

  private async endAll(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LAST_ANSWERS)));
    const ends = [
      this.pool.end(),
      ...[...this.reading.values(), ...this.replicas].map((pool) => pool.end()),
      ...this.steadies.map((client) => client.close(LAST_ANSWERS)),
    ];
    await Promise.race([Promise.allSettled(ends), late]);
    clearTimeout(timer);
    for (const session of this.open) session.destroy();
  }

  private make(spec: SessionSpec, target = this.target): Session {
    const session = new Session(target, spec);
    this.open.add(session);
    if (spec.reads !== true) session.onReadOnly = this.leaveServer;
    session.once('end', () => this.open.delete(session));
    return session;
  }
}
