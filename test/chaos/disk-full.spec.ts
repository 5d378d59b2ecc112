import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { effectsClock, wentOnAfter } from '../support/faults/effects.js';
import { judge } from '../support/faults/verdict.js';
import { startPostgres } from '../support/postgres-server.mjs';
import { fault } from './fault.js';
import { openSite } from './site.js';

const TIMES = { full: 4, short: 1 };

fault(
  {
    name: 'disk-full',
    title: "the disk full on the server's volume, then room again",
    bar: '0 lost of what was acknowledged',
    how:
      "The server's files, its log among them, were on a volume of their own, which was filled to the last byte for some seconds. " +
      'Where PostgreSQL ended itself for it, it was started again when there was room.',
    times: 'from the moment at which the server took connections with room on its disk to the next step that begins',
    needs: ['mount'],
    injections: TIMES,
    runs: { full: 100, short: 10 },
  },
  async (trial) => {
    const settings = { min_wal_size: '32MB', max_wal_size: '64MB', wal_recycle: 'off', fsync: 'off' };
    const server = await startPostgres(settings, { volume: '500m' });
    trial.after(() => server.close());
    const { ground, load: begin, worker } = await openSite(trial, { server: server.url });
    for (const label of ['one', 'two']) await worker({ label });
    const load = begin({ pace: 30 });
    const times: number[] = [];
    let deaths = 0;
    let refusals = 0;
    const count = trial.size(TIMES);
    for (let n = 0; n < count; n++) {
      const known = load.runs.length;
      while (load.runs.length < known + 10) await pause(20);
      const filler = join(server.folder, 'filler');
      const until = performance.now() + (trial.short ? 4_000 : 10_000);
      // Again and again: what the server gives back is taken too.
      while (performance.now() < until) {
        await fill(filler);
        refusals += (await takesWrites(ground.pool)) ? 0 : 1;
        await pause(100);
      }
      await rm(filler);
      if (!isAlive(server.pid)) {
        deaths += 1;
        await server.start();
      }
      while (!(await takesWrites(ground.pool))) await pause(50);
      times.push(await wentOnAfter(ground.effects.pool, await effectsClock(ground.effects.pool)));
    }
    // Or the disk was never full.
    expect(refusals).toBeGreaterThan(0);
    const verdict = await judge(ground, load);
    return {
      injected: { 'full disk': count },
      runs: load.runs.length,
      load: `${load.runs.length} runs, with ${load.refused} starts refused meanwhile`,
      verdict,
      times,
      seen: [`PostgreSQL ended itself ${deaths} times of ${count}, and refused to write the other times.`],
    };
  },
);

/** Appends until nothing more fits. */
function fill(path: string): Promise<void> {
  return new Promise((resolve) => {
    const stream = createWriteStream(path, { flags: 'a' });
    const chunk = Buffer.alloc(1_000_000, 1);
    const more = (error?: Error | null): unknown => (error ? undefined : stream.write(chunk, more));
    // What was left of the last chunk is filled by smaller ones, as a server would write them.
    stream.on('error', () => void fillRest(path).then(resolve));
    more();
  });
}

function fillRest(path: string): Promise<void> {
  return new Promise((resolve) => {
    const stream = createWriteStream(path, { flags: 'a' });
    const chunk = Buffer.alloc(4_096, 1);
    const more = (error?: Error | null): unknown => (error ? undefined : stream.write(chunk, more));
    stream.on('error', () => resolve());
    more();
  });
}

/** A table that grows by a page. */
async function takesWrites(pool: { query(text: string): Promise<unknown> }): Promise<boolean> {
  const text = `CREATE TABLE IF NOT EXISTS public.probe (t text);
    INSERT INTO public.probe SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 250)`;
  return pool.query(text).then(
    () => true,
    () => false,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
