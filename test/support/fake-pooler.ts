import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What a client notices of a transaction-mode pooler (pgbouncer): the process id in the greeting is the pooler's own, and
 * notifications never arrive. `drop` says which of the two messages is changed, and which word the server is to know no
 * more: it gets it backwards, and refuses the statement. As many sessions as `cancels` says are refused for a reason that
 * passes: the engine's first statement in them is cancelled.
 */
export async function startFakePooler(
  url: string,
  drop: { notifications: boolean; word?: string; cancels?: number },
): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let cancels = drop.cancels ?? 0;
  const changed = (chunk: Buffer): Buffer => {
    if (drop.word !== undefined) return without(chunk, drop.word);
    if (cancels === 0 || !chunk.includes(LOOK)) return chunk;
    cancels--;
    return replaced(chunk, LOOK, CANCEL.padEnd(LOOK.length));
  };
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(url).port), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => [client, upstream].forEach((one) => one.end()));
    }
    client.on('data', (chunk: Buffer) => upstream.write(changed(chunk)));
    client.on('end', () => upstream.end());
    let rest = Buffer.alloc(0);
    upstream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      // Each message: a letter, then its length, itself included and the letter not.
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        const message = rest.subarray(0, rest.readInt32BE(1) + 1);
        rest = rest.subarray(message.length);
        const letter = String.fromCharCode(message[0] ?? 0);
        if (letter === 'K') message.writeInt32BE(1_000_000_007, 5);
        if (letter !== 'A' || !drop.notifications) client.write(message);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
  };
}

/** Of the statement that opens a session, and what takes its place. */
const LOOK = `current_setting('transaction_read_only') = 'on'`;
const CANCEL = 'pg_cancel_backend(pg_backend_pid())';

function without(chunk: Buffer, word: string): Buffer {
  return replaced(chunk, word, word.split('').reverse().join(''));
}

/** @param by as long as what it takes the place of: the message says how long it is */
function replaced(chunk: Buffer, text: string, by: string): Buffer {
  return Buffer.from(chunk.toString('latin1').replaceAll(text, by), 'latin1');
}
