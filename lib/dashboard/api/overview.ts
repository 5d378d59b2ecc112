import type { EndCount } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { anyText } from '../http/input.js';
import { groupFailures } from './failures.js';
import { askedWindow, FAILED, grainOf, seriesOf, type Sums, sumsOf, type Window, windowOf } from './figures.js';
import { problemsOf } from './problems.js';
import { series as runSeries } from './series.js';

/** So many are read; of more the kept figures have the number. */
const MOST_FAILURES = 1_000;
const MOST_INPUTS = 1_000;
const MOST_WAITS = 5;
/** Before any run. */
const LONG_AGO = Date.UTC(1900, 0, 1);

const overview = route({
  method: 'GET',
  path: 'overview',
  action: 'overview.read',
  input: (read) => ({ asked: askedWindow(read), workflow: anyText(read, 'workflow', 200) }),
  async handle(call, { asked, workflow }) {
    const { looks } = call.services;
    const now = await looks.now();
    const window = windowOf(asked, now);
    const before: Window = { since: Math.max(LONG_AGO, 2 * window.since - window.until), until: window.since };
    const grain = grainOf(window, now);
    const waits = await looks.waits();
    const [rows, ended, endedBefore, queues, workers, schedules, report, failures, [newest], inputs, asking, events] =
      await Promise.all([
        looks.stats({ grain, since: new Date(before.since), until: new Date(window.until), workflow }),
        looks.ends({ grain, since: new Date(window.since), until: new Date(window.until), workflow }),
        looks.ends({ grain, since: new Date(before.since), until: new Date(before.until), workflow }),
        looks.allQueues(),
        looks.queues.workers(),
        looks.client.listSchedules({ limit: 1_000 }),
        looks.examine(),
        failuresIn(call, window, workflow),
        looks.client.listExecutions({ status: FAILED, limit: 1, ...(workflow !== null && { workflow }) }),
        waits.inputs({ workflow, limit: MOST_WAITS }),
        waits.countInputs({ workflow }, null, MOST_INPUTS),
        waits.events({ workflow, limit: MOST_WAITS }),
      ]);
    const failedAt = [newest?.completedAt, ...failures.groups.map(({ lastAt }) => lastAt)].flatMap((at) => at ?? []);
    const [present, past] = [rows.filter(({ at }) => at >= window.since), rows.filter(({ at }) => at < window.since)];
    const [sums, earlier] = [sumsOf(present), sumsOf(past)];
    const series = seriesOf(present, window, grain);
    const figure = (key: keyof Sums) => ({ now: sums[key], before: earlier[key] });
    const total = (key: 'running' | 'waiting' | 'ready' | 'limited' | 'scheduled' | 'pausedRuns') =>
      queues.reduce((sum, queue) => sum + queue[key], 0);
    const due = total('ready') + total('limited');
    return {
      problems: problemsOf({
        groups: failures.groups,
        cut: failures.cut,
        failed: (of, error) => countOf(ended, (one) => one.workflow === of && one.error === error),
        before: (of, error) => countOf(endedBefore, (one) => one.workflow === of && one.error === error),
        ended: (of) => countOf(ended, (one) => one.workflow === of),
        schedules,
        queues,
        workers,
        now,
        checks: report.checks,
        rollbackFailed: sums.rollbackFailed,
      }),
      figures: {
        started: figure('started'),
        completed: figure('completed'),
        failed: figure('failed'),
        p50: figure('p50'),
        p95: figure('p95'),
        delay50: figure('delay50'),
        delay95: figure('delay95'),
        unfinished: {
          total: total('running') + total('waiting') + due + total('scheduled') + total('pausedRuns'),
          running: total('running'),
          waiting: total('waiting'),
          due,
          paused: total('pausedRuns'),
        },
        inputs: asking,
        lastFailureAt: failedAt.toSorted((a, b) => b.getTime() - a.getTime())[0] ?? null,
      },
      series: series.map(({ at, sums: { completed, failed, other } }) => ({
        at: new Date(at),
        completed,
        failed,
        other,
      })),
      latency: series.map(({ at, sums: { p50, p95, delay50, delay95 } }) => ({
        at: new Date(at),
        p50,
        p95,
        delay50,
        delay95,
      })),
      failures: failures.groups,
      /** Older ones are not among the failures. */
      failuresCut: failures.cut,
      queues,
      oldestWaits: [
        ...inputs.map((one) => waitOf('input', one.name, one)),
        ...events.map((one) => waitOf('event', one.eventName, one)),
      ]
        .toSorted((a, b) => a.since.getTime() - b.since.getTime())
        .slice(0, MOST_WAITS),
      workers,
      asOf: new Date(now),
    };
  },
});

function countOf(counts: readonly EndCount[], fits: (one: EndCount) => boolean): number {
  return counts.filter(fits).reduce((sum, { n }) => sum + n, 0);
}

function waitOf(
  kind: string,
  name: string,
  {
    executionId,
    workflow,
    createdAt,
    timeoutAt,
  }: { executionId: string; workflow: string; createdAt: Date; timeoutAt: Date | null },
) {
  return { kind, name, runId: executionId, workflow, since: createdAt, timeoutAt };
}

async function failuresIn(call: Call, window: Window, workflow: string | null) {
  const { looks } = call.services;
  const [reads, people] = [await looks.reads(), await looks.people()];
  const runs = await reads.listExecutions({
    status: FAILED,
    since: new Date(window.since),
    until: new Date(window.until),
    limit: MOST_FAILURES,
    ...(workflow !== null && { workflow }),
  });
  const facts = await people.facts(runs.map(({ id }) => id));
  return {
    groups: groupFailures(runs, (id) => facts.get(id)?.failedStep ?? null, window),
    cut: runs.length === MOST_FAILURES,
  };
}

export const overviewRoutes = [overview, runSeries];
