import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Load } from '../support/faults/load.js';
import { judge, type Verdict } from '../support/faults/verdict.js';
import type { WorkerProcess } from '../support/faults/worker-process.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { fault, quantile, type Trial } from './fault.js';
import { openProxy, openSite, QUEUES } from './site.js';

/** Where a worker stands still: anywhere, or with a statement on its way that gets to the server after three leases. */
const MOMENTS = {
  'at random': null,
  'with a commit on its way': 'commit-group',
  'in a transaction, before its COMMIT': 'COMMIT',
  'with a claim on its way': 'claim',
} as const;
type Moment = keyof typeof MOMENTS;

/** Full: 16 with a short lease, 4 with every default. */
const TRIALS = { full: 20, short: 2 };
const DEFAULT_LEASE = 30_000;
const SHORT_LEASE = 3_000;

interface Node {
  readonly proxy: TcpProxy;
  readonly worker: WorkerProcess;
}

interface Series {
  readonly lease: number;
  readonly moments: readonly Moment[];
  /** Frozen at once; two others go on. */
  readonly together: number;
}

interface Outcome {
  readonly runs: number;
  readonly load: number;
  /** ms from the freeze until each run that was held is held by somebody else. */
  readonly times: readonly number[];
  readonly refused: number;
  readonly verdict: Verdict;
}

fault(
  {
    name: 'frozen',
    title: 'workers stopped by SIGSTOP for 3 leases, then continued by SIGCONT',
    bar: 'others go on within a lease + 2 s; no stale write is accepted',
    how:
      'A worker process was stopped at a random moment; or while a commit or a claim of its was on its way, which a proxy held ' +
      'back and let arrive after the three leases; or in an open transaction, before its COMMIT. Other processes took its runs ' +
      'over. Then it went on as if nothing had been. Most had a lease of 3 s, the last ones the default of 30 s.',
    injections: TRIALS,
    runs: { full: 40, short: 2 },
  },
  async (trial) => {
    const names = Object.keys(MOMENTS) as Moment[];
    const count = trial.size(TRIALS);
    const moments = Array.from({ length: count }, (_, n) => names[n % names.length] ?? 'at random');
    const outcomes: [Series, Outcome][] = [];
    const all: Series[] = trial.short
      ? [{ lease: 2_000, moments: [trial.random.pick(names), 'with a commit on its way'], together: 2 }]
      : [
          { lease: SHORT_LEASE, moments: moments.slice(0, -4), together: 2 },
          { lease: DEFAULT_LEASE, moments: names, together: 4 },
        ];
    for (const series of all) outcomes.push([series, await freeze(trial, series)]);
    const late = outcomes.flatMap(([{ lease }, { times }]) => times.filter((ms) => !trial.short && ms > lease + 2_000));
    const verdicts = outcomes.map(([, { verdict }]) => verdict);
    const lines = (key: keyof Verdict): string[] => verdicts.flatMap((verdict) => verdict[key]);
    const sum = (key: 'runs' | 'load' | 'refused'): number => outcomes.reduce((n, [, one]) => n + one[key], 0);
    // What never comes back has to be refused at least once, or nothing was stale.
    expect(sum('refused')).toBeGreaterThan(0);
    return {
      injected: Object.fromEntries(
        names.map((name) => [name, all.flatMap((s) => s.moments.filter((m) => m === name)).length]),
      ),
      runs: sum('runs'),
      load: `${sum('load')} runs, ${sum('runs')} of them held by the worker that was frozen`,
      verdict: {
        lost: lines('lost'),
        doubled: lines('doubled'),
        stuck: lines('stuck'),
        broken: [
          ...lines('broken'),
          ...(trial.short ? [] : late.map((ms) => `a run went on after ${Math.round(ms)} ms only`)),
        ],
      },
      seen: [
        ...outcomes.map(
          ([{ lease }, { times }]) =>
            `With a lease of ${lease / 1_000} s runs went on after p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)} ms.`,
        ),
        `${sum('refused')} commits of workers that had lost their runs came and were refused.`,
      ],
    };
  },
);

async function freeze(trial: Trial, { lease, moments, together }: Series): Promise<Outcome> {
  const { ground, load: begin, worker } = await openSite(trial);
  const nodes: Node[] = [];
  const options = { leaseTimeout: lease, queues: QUEUES };
  for (let n = 0; n < together + 2; n++) {
    const proxy = await openProxy(trial);
    nodes.push({ proxy, worker: await worker({ engineUrl: proxy.through(ground.url), label: `${n}`, options }) });
  }
  const load = begin({ ms: 200, lanes: 6 });
  const times: number[] = [];
  let held = 0;
  for (let at = 0; at < moments.length; at += together) {
    const frozen = await Promise.all(
      moments.slice(at, at + together).map(async (moment, n) => {
        // Another pair each time, and not all at the very same moment.
        const node = nodes[(at + n) % nodes.length] as Node;
        await pause(trial.random.next() * 1_000);
        return strike(ground.pool, node, moment, 3 * lease);
      }),
    );
    held += frozen.reduce((sum, { runs }) => sum + runs, 0);
    times.push(...frozen.flatMap((one) => one.times));
    await work(ground.effects.pool, load);
  }
  const verdict = await judge(ground, load, { again: 'all' });
  const refused = nodes.flatMap(({ worker: { lines } }) =>
    lines.flatMap((line) => (line.event === 'passed' ? line.points.filter((point) => point.startsWith('left ')) : [])),
  ).length;
  return { runs: held, load: load.runs.length, times, refused, verdict };
}

/** Stops a worker that holds something, and looks how its runs go on. */
async function strike(
  pool: pg.Pool,
  { proxy, worker }: Node,
  moment: Moment,
  ms: number,
): Promise<{ runs: number; times: number[] }> {
  const statement = MOMENTS[moment];
  const release = statement === null ? null : await proxy.holdAt(statement);
  worker.send('SIGSTOP');
  const begun = performance.now();
  const { rows } = await pool.query<{ id: string; token: number }>(
    `SELECT q.id, q.token FROM durable.workflow_queue q JOIN durable.workers w ON w.id = q.worker_id
     WHERE w.pid = $1 AND w.dead_at IS NULL`,
    [worker.pid],
  );
  const left = new Map(rows.map(({ id, token }) => [id, token]));
  const times: number[] = [];
  while (performance.now() - begun < ms) {
    const still = await pool.query<{ id: string }>(
      `SELECT q.id FROM durable.workflow_queue q JOIN unnest($1::uuid[], $2::int[]) AS f (id, token) USING (id, token)`,
      [[...left.keys()], [...left.values()]],
    );
    const ids = new Set(still.rows.map(({ id }) => id));
    for (const id of [...left.keys()].filter((one) => !ids.has(one))) {
      times.push(performance.now() - begun);
      left.delete(id);
    }
    await pause(20);
  }
  // Those that did not go on at all.
  times.push(...[...left].map(() => ms));
  worker.send('SIGCONT');
  release?.();
  return { runs: rows.length, times };
}

/** Until all of them have had time to work again: some effects more. */
async function work(effects: pg.Pool, load: Load): Promise<void> {
  const count = async (): Promise<number> =>
    (await effects.query<{ n: number }>('SELECT count(*)::integer AS n FROM effects')).rows[0]?.n ?? 0;
  const before = await count();
  const runs = load.runs.length;
  while ((await count()) < before + 20 || load.runs.length < runs + 20) await pause(20);
}
