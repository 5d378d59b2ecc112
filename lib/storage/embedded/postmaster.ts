import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { EmbeddedDirectory } from './directory.js';
import { commandLine, isAlive, isNumberInUse } from './process-identity.js';

/** ms; includes crash recovery. */
const READY_PATIENCE = 60_000;

export interface Postmaster {
  pid: number;
  port: number;
  /** True: it has its port and is done with recovery. Before, another process may listen on that port. */
  ready: boolean;
}

/** The server that postmaster.pid names, if that is ours: a file left by a crash may name any process by now. */
export async function postmaster(dir: EmbeddedDirectory): Promise<Postmaster | undefined> {
  const file = join(dir.data, 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  // The file of a process that is gone is left to the server, which looks for leftovers of that one before it starts.
  if (!(pid > 0) || !isNumberInUse(pid)) return undefined;
  const found = { pid, port, ready: lines[7]?.trim() === 'ready' };
  if (isAlive({ pid, started: '' })) {
    if (commandLine(pid)?.includes(dir.data) ?? true) return found;
    // The directory may have been moved under a running server.
    if (port > 0 && (await tryConnect(await dir.url(port, 'postgres'))) === undefined) return found;
  }
  // A zombie, or some other program: the server would refuse to start because of it.
  await rm(file, { force: true });
  return undefined;
}

/** The port of the running server, once it takes connections (it may be recovering from a crash). */
export async function findRunning(dir: EmbeddedDirectory): Promise<number | undefined> {
  const deadline = Date.now() + READY_PATIENCE;
  for (;;) {
    const found = await postmaster(dir);
    if (found === undefined) return undefined;
    const failure = found.ready ? await tryConnect(await dir.url(found.port, 'postgres')) : 'it is still starting';
    if (failure === undefined) return found.port;
    if (Date.now() > deadline) throw fault(`the server (process ${found.pid}) takes no connection: ${failure}`);
    await delay(50);
  }
}

/** The reason why no session can be opened, or undefined. */
export async function tryConnect(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => {});
  }
}

export function fault(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'database.embedded', message }]);
}
