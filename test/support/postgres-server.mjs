import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A throw-away server of a test run, or of one test that wants to kill it. See postgres-server.d.mts. */
export async function startPostgres(settings = {}, making = {}) {
  const loader = new URL('./register-ts.mjs', import.meta.url).href;
  const guard = spawn(
    process.execPath,
    ['--import', loader, here('postgres-guard.ts'), JSON.stringify({ settings, ...making })],
    {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  // A guard that nobody stops must not keep its test run alive; it ends by itself when the run does.
  for (const handle of [guard, guard.stdin, guard.stdout]) handle.unref();
  guard.stdin.on('error', () => {});
  const exited = new Promise((resolve) => guard.once('exit', resolve));
  const waiting = [];
  createInterface({ input: guard.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));

  const server = { url: '', folder: '', pid: 0 };
  async function ask(command) {
    guard.ref();
    guard.stdout.ref();
    try {
      const answer = await new Promise((resolve, reject) => {
        waiting.push(resolve);
        void exited.then(() => reject(new Error('the guard of the PostgreSQL server ended')));
        guard.stdin.write(`${command}\n`);
      });
      if (answer.error !== undefined) throw new Error(answer.error);
      server.url = answer.url;
      server.folder = answer.folder;
      server.pid = answer.pid ?? 0;
    } finally {
      guard.unref();
      guard.stdout.unref();
    }
  }

  server.start = () => ask('start');
  server.stop = () => ask('stop');
  server.kill = () => ask('kill');
  server.close = () => {
    guard.ref();
    guard.stdin.end();
    return exited;
  };
  await ask('start');
  return server;
}
