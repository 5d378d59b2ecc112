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
  /**
   * Stops the next message from a client that holds `text`, and all that comes after it on that connection. Resolves
   * when it is there, with what lets it go on.
   */
  holdAt(text: string): Promise<() => void>;
  /** New connections go to another server; those there are stay. */
  aim(port: number): void;
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
  /** What its client has said and the server is not to hear yet. */
  held?: Buffer[];
}

interface Strike {
  readonly text: string;
  readonly hit: (pair: Pair, chunk: Buffer) => void;
}

export async function startProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: 'pass' | 'all' | 'replies' = 'pass';
  let next: Strike | null = null;
  let target = targetPort;

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
    for (const socket of [pair.client, pair.server]) {
      // Node does not get to its end with a socket that is reset while it connects or says goodbye.
      if (socket.connecting || socket.writableEnded) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
  };
  const cut = () => [...pairs].forEach(reset);
  const fromClient = (pair: Pair, chunk: Buffer) => {
    const strike = next;
    if (pair.held !== undefined) return pair.held.push(chunk);
    if (strike === null || !chunk.includes(strike.text)) return pair.server.write(chunk);
    next = null;
    return strike.hit(pair, chunk);
  };
  const cutAt = (text: string, when: 'before' | 'after') =>
    new Promise<void>((done) => {
      const hit = (pair: Pair, chunk: Buffer) => {
        const end = () => {
          reset(pair);
          done();
        };
        if (when === 'before') return end();
        pair.doomed = end;
        pair.server.write(chunk);
      };
      next = { text, hit };
    });
  const holdAt = (text: string) =>
    new Promise<() => void>((done) => {
      const hit = (pair: Pair, chunk: Buffer) => {
        pair.held = [chunk];
        done(() => {
          for (const held of pair.held ?? []) if (pair.server.writable) pair.server.write(held);
          delete pair.held;
        });
      };
      next = { text, hit };
    });
  const listener: Server = createServer((client) => {
    const pair: Pair = { client, server: connect(target, targetHost) };
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
    cutAt,
    holdAt,
    aim: (wanted) => void (target = wanted),
    swallow: (what = 'all') => setMode(what),
    pass: () => setMode('pass'),
    down,
    up: () => listen(port),
    close: down,
  };
}
