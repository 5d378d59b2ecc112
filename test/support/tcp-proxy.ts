import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A stand-in for the network between a client and its server, on loopback. */
export interface TcpProxy {
  readonly port: number;
  /** Open connections. */
  readonly connections: number;
  /** The same URL through this proxy. */
  through(url: string): string;
  /** Resets all connections; new ones are taken. */
  cut(): void;
  /**
   * Goes silent: connections stay open and new ones are accepted, but nothing arrives. `'replies'` holds back what the
   * server says only, so that a statement is carried out and its answer is not seen.
   */
  swallow(what?: 'all' | 'replies'): void;
  /** Forwards again, what was held back included, as TCP does when a network comes back. */
  pass(): void;
  /** Resets all connections and refuses new ones. */
  down(): Promise<void>;
  /** Takes connections again, on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: 'pass' | 'all' | 'replies' = 'pass';

  const apply = ({ client, server }: Pair) => {
    // Taken apart first: a socket piped twice sends everything twice.
    hold(client, server);
    hold(server, client);
    if (mode !== 'all') client.pipe(server);
    if (mode === 'pass') server.pipe(client);
  };
  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    pairs.clear();
  };
  const listener: Server = createServer((client) => {
    const pair = { client, server: connect(targetPort, targetHost) };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      // What the other side still has to say (the server's last message before it ends a session) goes out first.
      if (mode === 'pass') [pair.client, pair.server].forEach((socket) => socket.end());
    };
    for (const socket of [client, pair.server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {
        client.destroy();
        pair.server.destroy();
      });
      socket.on('close', end);
    }
    apply(pair);
  });
  const listen = async (port: number) => {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  };
  const down = async () => {
    const closed = listener.listening ? new Promise((resolve) => listener.close(resolve)) : Promise.resolve();
    cut();
    await closed;
  };

  await listen(0);
  const { port } = listener.address() as AddressInfo;
  const setMode = (next: typeof mode) => {
    mode = next;
    pairs.forEach(apply);
  };
  return {
    port,
    get connections() {
      return pairs.size;
    },
    through(url) {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    cut,
    swallow: (what = 'all') => setMode(what),
    pass: () => setMode('pass'),
    down,
    up: () => listen(port),
    close: down,
  };
}

function hold(from: Socket, to: Socket): void {
  from.unpipe(to);
  from.pause();
}
