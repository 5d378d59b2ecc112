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
  /**
   * Resets one connection: that of the next message from a client that holds `text`, before it gets to the server, or
   * when the server has answered it, of which the client sees nothing. A statement by its text or its name; `COMMIT` for
   * the end of a transaction. Resolves when that has happened.
   */
  cutAt(text: string, when: 'before' | 'after'): Promise<void>;
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
  /** Resets it as soon as the server answers. */
  doomed?: () => void;
}

interface Cut {
  readonly text: string;
  readonly when: 'before' | 'after';
  readonly done: () => void;
}

export async function startProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: 'pass' | 'all' | 'replies' = 'pass';
  let next: Cut | null = null;

  const apply = ({ client, server }: Pair) => {
    // Bytes stay with the kernel while nobody reads: the other side sees a slow network, then none.
    if (mode === 'all') client.pause();
    else client.resume();
    if (mode === 'pass') server.resume();
    else server.pause();
    // Its client has given it up meanwhile: what comes back to life is a reset.
    if (mode === 'pass' && client.destroyed) reset({ client, server });
  };
  const reset = (pair: Pair) => {
    pairs.delete(pair);
    for (const socket of [pair.client, pair.server]) if (!socket.destroyed) socket.resetAndDestroy();
  };
  const cut = () => [...pairs].forEach(reset);
  const fromClient = (pair: Pair, chunk: Buffer) => {
    const hit = next !== null && chunk.includes(next.text) ? next : null;
    if (hit === null) return pair.server.write(chunk);
    next = null;
    const end = () => {
      reset(pair);
      hit.done();
    };
    if (hit.when === 'before') return end();
    pair.doomed = end;
    return pair.server.write(chunk);
  };
  const listener: Server = createServer((client) => {
    const pair: Pair = { client, server: connect(targetPort, targetHost) };
    const { server } = pair;
    pairs.add(pair);
    client.on('data', (chunk: Buffer) => fromClient(pair, chunk));
    server.on('data', (chunk: Buffer) => (pair.doomed === undefined ? client.write(chunk) : pair.doomed()));
    const end = () => {
      // While the network is silent, neither side learns that the other has gone.
      if (mode !== 'pass') return;
      pairs.delete(pair);
      // What the other side still has to say (the server's last message before it ends a session) goes out first.
      for (const socket of [client, server]) socket.end();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {
        if (mode === 'pass') [client, server].forEach((one) => one.destroy());
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
  const setMode = (wanted: typeof mode) => {
    mode = wanted;
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
    cutAt: (text, when) => new Promise((done) => (next = { text, when, done })),
    swallow: (what = 'all') => setMode(what),
    pass: () => setMode('pass'),
    down,
    up: () => listen(port),
    close: down,
  };
}
