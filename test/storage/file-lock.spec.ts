import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFileLock } from '../../lib/storage/embedded/file-lock.js';
import { isAlive, ownIdentity } from '../../lib/storage/embedded/process-identity.js';

let dir: string;
let lock: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nest-durable-lock-'));
  lock = join(dir, 'lock');
});

afterEach(() => rm(dir, { recursive: true }));

describe('withFileLock', () => {
  it('lets one in at a time, and leaves no file', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all(Array.from({ length: 20 }, () => withFileLock(lock, 20_000, work)));
    expect(most).toBe(1);
    expect(await readdir(dir)).toEqual([]);
  });

  it('lets go when the work fails, and passes its error on', async () => {
    await expect(withFileLock(lock, 0, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withFileLock(lock, 0, () => Promise.resolve('in'))).toBe('in');
  });

  it('names a live holder that does not let go', async () => {
    await writeFile(lock, JSON.stringify(ownIdentity()));
    await expect(withFileLock(lock, 0, () => Promise.resolve())).rejects.toThrow(`locked by process ${process.pid}`);
  });

  it.each([
    ['a dead process', async () => ({ pid: await deadPid(), started: '' })],
    ['an earlier process of the same number', async () => ({ pid: process.pid, started: '1' })],
    ['nobody that can be read', async () => undefined],
  ])('is taken over from %s', async (_name, holder) => {
    await writeFile(lock, JSON.stringify(await holder()) ?? '{');
    expect(await withFileLock(lock, 0, () => Promise.resolve('in'))).toBe('in');
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('isAlive', () => {
  it('knows this process, and tells it from another with its number', () => {
    expect(isAlive(ownIdentity())).toBe(true);
    expect(isAlive({ ...ownIdentity(), started: 'before' })).toBe(false);
  });

  it('takes nothing that is no process number for alive', () => {
    for (const pid of [0, -1, 1.5, Number.NaN]) expect(isAlive({ pid, started: '' })).toBe(false);
  });
});

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}
