import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Trial } from '../chaos/fault.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** Ports of a machine of the cluster, on loopback. What ends in `Seen` is where the others find it. */
export interface NodePorts {
  readonly name: NodeName;
  readonly server: number;
  readonly serverSeen: number;
  readonly rest: number;
  readonly restSeen: number;
  readonly toEtcd: number;
}

export interface GuardedCluster {
  readonly password: string;
  readonly etcd: { readonly client: number; readonly peer: number };
  /** Of HAProxy, which leads to the leader. */
  readonly leader: number;
  readonly nodes: readonly NodePorts[];
}

const NAMES = ['one', 'two', 'three'] as const;
export type NodeName = (typeof NAMES)[number];

/** Three PostgreSQL servers under Patroni with one etcd and one HAProxy, set up as docs/how-to/high-availability says. */
export interface Cluster {
  /** Leads to the leader, through HAProxy. */
  readonly url: string;
  /** Until all three are there, two of them follow the leader, and its commits wait for one of these. */
  whole(): Promise<{ readonly leader: NodeName; readonly synchronous: NodeName }>;
  /** Until another than this takes writes at `url`. */
  leftBy(leader: NodeName): Promise<void>;
  /** Ends all processes of a machine, as a power cut does. */
  kill(node: NodeName): Promise<void>;
  /** Its processes come up again. */
  restart(node: NodeName): Promise<void>;
  /** Stops all processes of a machine, as a hypervisor does. */
  freeze(node: NodeName): Promise<void>;
  thaw(node: NodeName): Promise<void>;
  /** Its network goes silent in both directions: its server, its Patroni, and its way to etcd. */
  cutOff(node: NodeName): void;
  reconnect(node: NodeName): void;
  /** By patronictl. */
  switchOver(from: NodeName, to: NodeName): Promise<void>;
}

interface Node extends NodePorts {
  readonly links: readonly TcpProxy[];
}

/** ms in which the three must have come to be a whole. */
const PATIENCE = 120_000;

export async function startCluster(trial: Trial): Promise<Cluster> {
  const [client, peer, leader] = await Promise.all([freePort(), freePort(), freePort()]);
  const nodes: Node[] = [];
  for (const name of NAMES) nodes.push(await openNode(trial, name, client));
  const password = randomBytes(12).toString('hex');
  const guard = startGuard({
    password,
    etcd: { client, peer },
    leader,
    nodes: nodes.map(({ links: _, ...ports }) => ports),
  });
  trial.after(() => guard.end());
  const url = `postgres://postgres:${password}@127.0.0.1:${leader}/postgres`;
  const named = (name: NodeName): Node => nodes.find((node) => node.name === name) as Node;
  await guard.ask('start');

  const within = async <T>(what: string, look: () => Promise<T | null>): Promise<T> => {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const found = await look().catch(() => null);
      if (found !== null) return found;
      if (performance.now() > deadline)
        throw new Error(`${what}:\n${JSON.stringify(await guard.ask('said'), null, 1)}`);
      await pause(20);
    }
  };
  const tell = async (command: string): Promise<void> => void (await guard.ask(command));
  const cluster: Cluster = {
    url,
    whole: () =>
      within('the cluster did not come to be a whole', async () => {
        const { rows } = await askLeader<{ name: string; state: string; server: number }>(
          url,
          `SELECT application_name AS name, sync_state AS state, inet_server_port() AS server FROM pg_stat_replication
           WHERE state = 'streaming' AND application_name = ANY ($1)`,
          [NAMES],
        );
        const follows = rows.find(({ state }) => state === 'sync')?.name as NodeName | undefined;
        const leads = nodes.find(({ server }) => server === rows[0]?.server)?.name;
        return rows.length < 2 || follows === undefined || leads === undefined
          ? null
          : { leader: leads, synchronous: follows };
      }),
    leftBy: (old) =>
      within(`${old} was not replaced`, async () => {
        const { rows } = await askLeader<{ server: number; standby: boolean }>(
          url,
          'SELECT inet_server_port() AS server, pg_is_in_recovery() AS standby',
        );
        return rows[0]?.standby === false && rows[0].server !== named(old).server ? true : null;
      }).then(() => {}),
    kill: (node) => tell(`kill ${node}`),
    restart: (node) => tell(`restart ${node}`),
    freeze: (node) => tell(`freeze ${node}`),
    thaw: (node) => tell(`thaw ${node}`),
    cutOff: (node) => named(node).links.forEach((link) => link.swallow()),
    reconnect: (node) => named(node).links.forEach((link) => link.pass()),
    switchOver: (from, to) => tell(`switch ${from} ${to}`),
  };
  await cluster.whole();
  return cluster;
}

/** A machine whose every link leads through a proxy. */
async function openNode(trial: Trial, name: NodeName, etcd: number): Promise<Node> {
  const [server, rest] = await Promise.all([freePort(), freePort()]);
  const [toServer, toRest, toEtcd] = await Promise.all([startProxy(server), startProxy(rest), startProxy(etcd)]);
  const links = [toServer, toRest, toEtcd];
  trial.after(() => Promise.all(links.map((link) => link.close())));
  return { name, server, serverSeen: toServer.port, rest, restSeen: toRest.port, toEtcd: toEtcd.port, links };
}

/** On a session of its own: one that is there may lead to a server that says nothing any more. */
async function askLeader<T extends object>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<pg.QueryResult<T>> {
  const session = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000, query_timeout: 1_000 });
  session.on('error', () => {});
  try {
    await session.connect();
    return await session.query<T>(text, values);
  } finally {
    void session.end().catch(() => {});
  }
}

interface Guard {
  /** @throws Error with what it answers where it could not */
  ask(command: string): Promise<object>;
  end(): Promise<unknown>;
}

function startGuard(settings: GuardedCluster): Guard {
  const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const loader = new URL('../support/register-ts.mjs', import.meta.url).href;
  const guard = spawn(process.execPath, ['--import', loader, here('./cluster-guard.ts'), JSON.stringify(settings)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  guard.stdin.on('error', () => {});
  const exited = once(guard, 'exit');
  const waiting: ((answer: { error?: string }) => void)[] = [];
  createInterface({ input: guard.stdout }).on('line', (line) =>
    waiting.shift()?.(JSON.parse(line) as { error?: string }),
  );
  return {
    async ask(command) {
      const answer = await new Promise<{ error?: string }>((resolve, reject) => {
        waiting.push(resolve);
        void exited.then(() => reject(new Error('the guard of the cluster ended')));
        guard.stdin.write(`${command}\n`);
      });
      if (answer.error !== undefined) throw new Error(`${command}: ${answer.error}`);
      return answer;
    },
    end() {
      guard.stdin.end();
      return exited;
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
