import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from './figures.mjs';
import { query, serverCpuSeconds } from './server.mjs';

/** Pairs of measurements, in turns; the first pair does not count. */
const PAIRS = 12;
/** Runs of three steps that are drained at once. */
const BACKLOG = 3_000;
/** Offered load with and without open pages: runs a second, for so many seconds. */
const RATE = 1_000;
const SECONDS = 8;

/**
 * What the dashboard costs the engine: a process with it beside one without, nobody looking; and the same process with
 * ten pages open beside itself with none. Each process and the pages are processes of their own; those that are not measured
 * do nothing meanwhile. CPU is that of the measured process and of the server.
 */
export async function dashboard({ url, postmaster, pairs = PAIRS, backlog = BACKLOG, seconds = SECONDS }) {
  const children = [];
  const start = async (file, args) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--no-deprecation'] });
    children.push(child);
    child.ready = answer(child);
    return child;
  };
  try {
    const plain = await start('./dashboard-app.mjs', [url, 'plain', 'plain']);
    const mounted = await start('./dashboard-app.mjs', [url, 'mounted', 'mounted']);
    await plain.ready;
    const { base } = await mounted.ready;
    const pages = await start('./dashboard-pages.mjs', [base]);
    await pages.ready;
    const measure = async (app, message) => {
      await query(url, 'CHECKPOINT');
      const before = serverCpuSeconds(postmaster);
      const { runs, seconds: took, cpu } = await ask(app, message);
      const server = serverCpuSeconds(postmaster) - before;
      return { runsPerSecond: runs / took, cpu: ((cpu + server) / runs) * 1_000 };
    };
    const drain = { do: 'drain', runs: backlog };
    const load = { do: 'load', rate: RATE, seconds };
    const idle = await inTurns(
      pairs,
      () => measure(plain, drain),
      () => measure(mounted, drain),
    );
    const open = await inTurns(
      Math.ceil(pairs / 2),
      () => measure(mounted, load),
      async () => {
        await ask(pages, { do: 'open' });
        const found = await measure(mounted, load);
        const { requests, bytes } = await ask(pages, { do: 'close' });
        return { ...found, requestsPerSecond: requests / seconds, bytesPerSecond: bytes / seconds };
      },
    );
    return { idle, open };
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

/** Figures of both in turns, the order of a pair the other way round each time; ratios are taken within a pair. */
async function inTurns(pairs, without, withIt) {
  const found = [];
  for (let n = 0; n <= pairs; n += 1) {
    let [a, b] = [null, null];
    if (n % 2 === 0) a = await without();
    b = await withIt();
    a ??= await without();
    if (n > 0) found.push({ a, b });
  }
  const median = (of) => quantile(found.map(of), 0.5);
  const ratios = (key) => found.map(({ a, b }) => b[key] / a[key]);
  const extra = Object.keys(found[0].b).filter((key) => !(key in found[0].a));
  return {
    runsPerSecond: [median(({ a }) => a.runsPerSecond), median(({ b }) => b.runsPerSecond)],
    cpu: [median(({ a }) => a.cpu), median(({ b }) => b.cpu)],
    runsRatios: ratios('runsPerSecond'),
    cpuRatios: ratios('cpu'),
    ...Object.fromEntries(extra.map((key) => [key, median(({ b }) => b[key])])),
  };
}

async function ask(child, message) {
  const answered = answer(child);
  child.send(message);
  const { error, ...found } = await answered;
  if (error !== undefined) throw new Error(error);
  await delay(200);
  return found;
}

async function answer(child) {
  const gone = new AbortController();
  const left = once(child, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`a process of the measurement ended with ${code}`);
  });
  left.catch(() => {});
  try {
    const [found] = await Promise.race([once(child, 'message', { signal: gone.signal }), left]);
    return found;
  } finally {
    gone.abort();
  }
}
