import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.js';

/**
 * Runs `work` while this process alone holds the lock file. The lock of a process that is gone is taken over.
 *
 * The file is made by `link`, so it appears with its holder's identity in it or not at all. Taking over a stale lock
 * moves it aside first and looks at what was moved: when another process was quicker, its live lock is put back.
 *
 * @param patience ms to wait for a live holder
 * @throws Error naming the holder when it does not let go within `patience`
 */
export async function withFileLock<T>(path: string, patience: number, work: () => Promise<T>): Promise<T> {
  const draft = `${path}.${randomUUID()}`;
  const deadline = Date.now() + patience;
  await writeFile(draft, JSON.stringify(ownIdentity()), { mode: 0o600 });
  try {
    while (!(await take(draft, path))) {
      const holder = await readHolder(path);
      if (holder === 'none') continue;
      if (holder === undefined || !isAlive(holder)) await moveAside(path);
      else if (Date.now() > deadline) throw new Error(`${path} is locked by process ${holder.pid}`);
      else await delay(20);
    }
  } finally {
    await rm(draft, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** `'none'` when the file is gone, undefined when nobody can be read from it. */
async function readHolder(path: string): Promise<ProcessIdentity | 'none' | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessIdentity;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : undefined;
  }
}

async function moveAside(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = await readHolder(aside);
  if (holder !== undefined && holder !== 'none' && isAlive(holder)) await take(aside, path);
  await rm(aside, { force: true });
}
