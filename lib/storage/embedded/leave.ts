import { fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EmbeddedDirectory } from './directory.js';
import { postmaster } from './postmaster.js';
import { withFileLock } from './file-lock.js';
import type { PostgresBinaries } from './postgres-binaries.js';

/** ms to wait for another process that starts or stops the server. */
export const LOCK_PATIENCE = 60_000;

/** Lets go of the server as `client`, a file in the directory; the last one out stops it. */
export function leave(dir: EmbeddedDirectory, client: string, log: (line: string) => void): Promise<void> {
  return withFileLock(dir.lock, LOCK_PATIENCE, () => letGo(dir, client, log));
}

/** The same for who holds the lock. */
export async function letGo(dir: EmbeddedDirectory, client: string, log: (line: string) => void): Promise<void> {
  await rm(client, { force: true });
  if ((await dir.hasClients()) || (await postmaster(dir)) === undefined) return;
  log('stopping the embedded PostgreSQL');
  await dir.stopServer();
}

/** Arguments of the guard. */
export interface Guarded {
  /** The server's directory. */
  readonly path: string;
  readonly binaries: PostgresBinaries;
  /** The file that says that the guarded process uses the server. */
  readonly client: string;
}

export interface Guard {
  /** The process has let go of the server by itself. */
  dismiss(): void;
}

/** Options of this process that its guard could not share, or that would have it write a profile. */
const NOT_FOR_GUARD = /^--(inspect|cpu-prof|heap-prof|prof|watch|test)/;

/**
 * Starts the process that lets go of the server when this one has ended without having done so: by a failed boot, by
 * `process.exit()`, by a signal that nobody listens to, by kill -9. It has a session of its own, so Ctrl-C does not reach it.
 */
export function startGuard(guarded: Guarded): Guard {
  // Of the same build as this file.
  const script = new URL(`./guard${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
  const child = fork(fileURLToPath(script), [JSON.stringify(guarded)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: process.execArgv.filter((option) => !NOT_FOR_GUARD.test(option)),
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  // Without it the server stays until the next process stops it, as before.
  child.on('error', () => {});
  // It must not keep this process alive, whose end it waits for.
  child.unref();
  child.channel?.unref();
  return {
    dismiss: () => {
      if (child.connected) child.disconnect();
    },
  };
}
