import { setTimeout as pause } from 'node:timers/promises';
import { judge } from '../support/faults/verdict.js';
import { fault, type Sizes } from './fault.js';
import { openProxy, openSite } from './site.js';

/** By whom a statement is sent, what it commits, and text in it. */
const COMMITS = [
  ['worker', 'a group of records', 'commit-group'],
  ['worker', 'a transaction', 'COMMIT'],
  ['worker', 'a claim', 'claim'],
  ['client', 'a start', 'commit-group'],
  ['client', 'an event', 'send-event'],
  ['client', 'an answer', 'COMMIT'],
] as const;
/** Before each, and after each. */
const EACH: Sizes = { full: 50, short: 2 };
const all = (each: number): number => each * 2 * COMMITS.length;

fault(
  {
    name: 'cuts',
    title: 'the connection cut right before and right after each kind of commit',
    bar: '0; no step of a living worker twice',
    how:
      'A proxy recognised the statement that commits, and reset its connection before the server had got it, or when the server ' +
      'had answered and before the answer was passed on. The error is the same; only a look at the database tells which.',
    injections: { full: all(EACH.full), short: all(EACH.short) },
    runs: { full: 300, short: 20 },
  },
  async (trial) => {
    const own = await openProxy(trial);
    const proxies = { worker: [await openProxy(trial), await openProxy(trial)], client: [own] };
    const { ground, load: begin, worker } = await openSite(trial, { clientUrl: own.through });
    for (const [n, proxy] of proxies.worker.entries()) {
      await worker({ label: `${n}`, engineUrl: proxy.through(ground.url) });
    }
    const load = begin({ pace: 50 });
    const injected: Record<string, number> = {};
    const each = trial.size(EACH);
    // The client's connections are cut beside the workers'.
    const strike = async (whose: 'worker' | 'client'): Promise<void> => {
      const jobs = COMMITS.filter(([by]) => by === whose).flatMap(([, what, text]) =>
        (['before', 'after'] as const).flatMap((when) => Array.from({ length: each }, () => ({ what, text, when }))),
      );
      while (jobs.length > 0) {
        const [job] = jobs.splice(trial.random.int(0, jobs.length - 1), 1);
        if (job === undefined) return;
        await trial.random.pick(proxies[whose]).cutAt(job.text, job.when);
        const name = `${job.when} ${job.what}`;
        injected[name] = (injected[name] ?? 0) + 1;
        // Time for a commit that works.
        await pause(50 * trial.random.next());
      }
    };
    await Promise.all([strike('worker'), strike('client')]);
    const verdict = await judge(ground, load);
    return { injected, runs: load.runs.length, load: `${load.runs.length} runs started meanwhile`, verdict };
  },
);
