import type { WorkflowHandle } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { largestOverlaps, watchOverlaps } from '../support/overlaps.js';
import { judge } from '../support/faults/verdict.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import type { PodSettings } from '../support/faults/pod.js';
import { fault } from './fault.js';
import { openSite } from './site.js';

const RESTARTS = { full: 30, short: 4 };
const PODS = 3;
const KEYS = 5;

fault(
  {
    name: 'deploys',
    title: 'a rolling deploy: two versions restarting in random order',
    bar: "each due time one run; the later version's declarations hold at the end",
    how:
      'Three processes were ended (half of them by `kill -9`) and started again, one after the other, as the earlier or the later ' +
      'version of the code, with the later one ever more likely. The versions differ in the steps of a workflow with open runs, ' +
      'in the schedules (every second, every other second) and in the limit of a queue (3, 2); two runs of a key at a time in both.',
    injections: RESTARTS,
    runs: { full: 100, short: 10 },
  },
  async (trial) => {
    const { ground, client, load: begin } = await openSite(trial);
    await watchOverlaps(ground.pool);
    const pod = async (version: 1 | 2): Promise<{ process: WorkerProcess; version: 1 | 2 }> => {
      const settings: PodSettings = { url: ground.url, effectsUrl: ground.effects.url, version };
      const process = WorkerProcess.run('./pod.ts', settings);
      trial.after(() => process.end('SIGKILL'));
      await process.says((line) => line.event === 'up');
      return { process, version };
    };
    const pods = await Promise.all(Array.from({ length: PODS }, () => pod(1)));
    const orders: WorkflowHandle[] = [];
    const closed = new AbortController();
    const ordering = (async () => {
      while (!closed.signal.aborted) {
        orders.push(await client.start('order', { key: `${orders.length % KEYS}` }));
        await pause(100);
      }
    })();
    trial.after(() => closed.abort());
    const injected = { 'kill -9': 0, SIGTERM: 0, 'as the earlier version': 0, 'as the later version': 0 };
    const restarts = trial.size(RESTARTS);
    const restart = async (at: number, version: 1 | 2): Promise<void> => {
      const signal = trial.random.chance(0.5) ? 'SIGKILL' : 'SIGTERM';
      injected[signal === 'SIGKILL' ? 'kill -9' : 'SIGTERM'] += 1;
      injected[version === 1 ? 'as the earlier version' : 'as the later version'] += 1;
      await pods[at]?.process.end(signal);
      pods[at] = await pod(version);
    };
    for (let n = 0; n < restarts; n++) {
      await pause(1_000 * trial.random.next());
      await restart(trial.random.int(0, PODS - 1), trial.random.chance((n + 1) / restarts) ? 2 : 1);
      // Some go on under another version than the one that they began with.
      for (const order of orders.filter((_, at) => at % 7 === n % 7)) {
        await order.sendEvent('approved', n, { dedupeKey: 'approved' }).catch(() => {});
      }
    }
    for (const [at, { version }] of pods.entries()) if (version === 1) await restart(at, 2);
    closed.abort();
    await ordering;
    for (const order of orders) await order.sendEvent('approved', 0, { dedupeKey: 'approved' }).catch(() => {});

    // Until what the later version declares is in force: a wait without a bound but the test's own.
    const inForce = async (): Promise<boolean> => {
      const schedules = await client.listSchedules();
      const byName = new Map(schedules.map(({ name, cron, removedAt }) => [name, removedAt === null ? cron : null]));
      const { rows } = await ground.pool.query<{ n: number }>(
        `SELECT global_concurrency AS n FROM durable.queue_settings WHERE queue = 'narrow'`,
      );
      return (
        byName.get('tick') === '*/2 * * * * *' &&
        byName.get('old') === null &&
        byName.get('fresh') === '0 0 1 1 *' &&
        rows[0]?.n === 2
      );
    };
    while (!(await inForce())) await pause(100);
    await client.disableSchedule('tick');
    // The earlier code may have had a run for a moment in which no later process was there.
    const paused = await client.listExecutions({ workflow: 'order', status: 'paused', limit: 1_000 });
    for (const { id } of paused) await client.resume(id);
    const verdict = await judge(ground, begin({ lanes: 0 }), { again: 'all' });
    const unfinished = await client.listExecutions({ workflow: 'order', status: ['failed', 'cancelled'] });
    const { report, overlaps } = { report: await ticks(), overlaps: await largestOverlaps(ground.pool) };
    const over = Object.entries(overlaps).filter(
      ([scope, n]) => (scope === 'queue narrow' && n > 3) || (scope.startsWith('order') && n > 2),
    );
    return {
      injected: { 'kill -9': injected['kill -9'], SIGTERM: injected.SIGTERM },
      runs: orders.length,
      load: `${orders.length} runs, ${report.count} due times`,
      verdict: {
        ...verdict,
        lost: unfinished.map(({ id, status }) => `run ${id} is ${status}`),
        doubled: [...verdict.doubled, ...report.doubled],
        broken: [
          ...verdict.broken,
          ...report.missed.map((at) => `no run for ${at}`),
          ...over.map(([scope, n]) => `${scope}: ${n} at a time`),
        ],
      },
      seen: [
        `Started as the earlier version ${injected['as the earlier version']} times, as the later one ${injected['as the later version']} times.`,
        `${paused.length} runs were paused by code that lacked their place, and went on when they were resumed.`,
      ],
    };

    /** Even seconds are due in both versions, and somebody was there all the while. */
    async function ticks(): Promise<{ count: number; doubled: string[]; missed: string[] }> {
      const { rows } = await ground.pool.query<{ at: Date; n: number }>(
        `SELECT schedule_time AS at, count(*)::integer AS n FROM durable.workflow_executions
         WHERE workflow = 'report' GROUP BY 1 ORDER BY 1`,
      );
      const seen = new Set(rows.map(({ at }) => at.getTime()));
      const [first = 0, last = 0] = [rows[0]?.at.getTime(), rows.at(-1)?.at.getTime()];
      const missed: string[] = [];
      for (let at = Math.ceil(first / 2_000) * 2_000; at <= last; at += 2_000) {
        if (!seen.has(at)) missed.push(new Date(at).toISOString());
      }
      const doubled = rows.filter(({ n }) => n > 1).map(({ at, n }) => `${at.toISOString()} has ${n} runs`);
      return { count: rows.length, doubled, missed };
    }
  },
);
