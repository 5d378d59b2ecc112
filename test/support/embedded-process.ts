import { createInterface } from 'node:readline';
import { startEmbedded } from '../../lib/storage/embedded/server.js';

/**
 * A process that uses an embedded server: prints one line of JSON when it has it (or why not), and lets go of it when
 * a line comes in. Started by test/storage/embedded-server.spec.ts.
 */
const logged: string[] = [];
const options = JSON.parse(process.argv[2] ?? '{}') as { dir: string; port?: number };
try {
  const server = await startEmbedded({ ...options, log: (line) => logged.push(line) });
  const { url, dir, owned } = server;
  console.log(JSON.stringify({ url, dir, owned, logged }));
  const input = createInterface({ input: process.stdin });
  input.once('line', () => {
    input.close();
    void server.stop();
  });
} catch (error) {
  const { name, code, message } = error as Error & { code?: string };
  console.log(JSON.stringify({ error: { name, code, message }, logged }));
}
