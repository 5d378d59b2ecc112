import { manyOf, spanOf } from '../../core/standing/words.js';
import type { Check } from './doctor-check.js';

/** The row of doctor-work.sql. */
export interface WorkFacts {
  readonly workers: number;
  /** Out of touch. */
  readonly silent: number;
  readonly versions: readonly string[];
  /** Living workers, as host:pid, with the workflows of which another has newer code. */
  readonly behind: readonly { readonly worker: string; readonly workflows: readonly string[] }[];
  readonly unfinished: number;
  /** Rows leased by no living worker. */
  readonly orphaned: number;
  /** Workflows with work that no living worker has code of. */
  readonly codeless: readonly string[];
}

/** Of a row of list-queues.sql; times in ms. */
export interface QueueFacts {
  readonly queue: string;
  readonly paused_at: Date | null;
  readonly global_concurrency: number | null;
  readonly rate_limit: number | null;
  readonly rate_period_ms: number | null;
  readonly workers: number;
  readonly running: number;
  readonly ready: number;
  readonly blocked: number;
  readonly rated: number;
  readonly late: number;
  readonly blocked_lag: number;
  readonly rated_lag: number;
}

/** Of a row of list-schedules.sql. */
export interface ScheduleFacts {
  readonly name: string;
  readonly enabled: boolean;
  readonly removed_at: Date | null;
  readonly auto_disabled_at: Date | null;
  readonly consecutive_failures: number;
}

/** Workers that are named. */
const TOLD = 5;
/** ms */
const LAG_WARN = 60_000;

export function workChecks(
  work: WorkFacts,
  queues: readonly QueueFacts[],
  schedules: readonly ScheduleFacts[],
): Check[] {
  return [
    workersCheck(work),
    versionsCheck(work),
    behindCheck(work),
    codeCheck(work),
    queuesCheck(queues),
    limitsCheck(queues),
    schedulesCheck(schedules),
    orphansCheck(work),
  ];
}

function workersCheck({ workers, silent, unfinished }: WorkFacts): Check {
  const id = 'workers';
  if (workers === 0 && unfinished > 0) {
    const text = `No worker is alive, and ${unfinished === 1 ? '1 run or step is' : `${unfinished} runs and steps are`} unfinished.`;
    return { id, state: 'bad', text, mend: 'Start the app, with workers: true.' };
  }
  if (silent > 0) {
    const text = `${silent} ${silent === 1 ? 'worker is' : 'workers are'} out of touch; ${alive(workers)}.`;
    return { id, state: 'warn', text, mend: 'Look at their logs; their runs are recovered by the others.' };
  }
  return {
    id,
    state: 'ok',
    text: workers === 0 ? 'No worker is alive, and nothing is to be done.' : `${alive(workers)}.`,
  };
}

function alive(workers: number): string {
  return workers === 1 ? '1 worker is alive' : `${workers} workers are alive`;
}

function versionsCheck({ versions }: WorkFacts): Check {
  const id = 'versions';
  if (versions.length < 2) return { id, state: 'ok', text: 'All workers have one version of nest-durable.' };
  const text = `Workers have different versions of nest-durable: ${versions.join(', ')}.`;
  return { id, state: 'warn', text, mend: 'Finish the rollout.' };
}

function behindCheck({ behind }: WorkFacts): Check {
  const id = 'behind';
  if (behind.length === 0) return { id, state: 'ok', text: 'No worker has older code than another.' };
  const told = behind
    .slice(0, TOLD)
    .map(({ worker, workflows }) => `${worker} has older code of ${workflows.join(', ')}.`);
  const more = behind.length > TOLD ? [`So have ${behind.length - TOLD} more.`] : [];
  const mend = 'Finish the rollout: runs that newer code has begun are not for them. nest-durable workers';
  return { id, state: 'warn', text: [...told, ...more].join(' '), mend };
}

function codeCheck({ codeless }: WorkFacts): Check {
  const id = 'code';
  if (codeless.length === 0) return { id, state: 'ok', text: 'Every run that is ready has a worker with its code.' };
  const text = `No living worker has the code of ${codeless.join(', ')}, of which runs are ready.`;
  return { id, state: 'warn', text, mend: 'Start a process whose providers have these workflows.' };
}

function queuesCheck(queues: readonly QueueFacts[]): Check {
  const id = 'queues';
  const nobody = queues.filter(
    ({ workers, ready, blocked, paused_at }) => workers === 0 && ready + blocked > 0 && paused_at === null,
  );
  const late = queues.filter(({ workers, late: by, paused_at }) => workers > 0 && paused_at === null && by > LAG_WARN);
  const full = late.filter(isFull);
  const slow = late.filter((queue) => !isFull(queue));
  const paused = queues.filter(({ paused_at, ready, blocked }) => paused_at !== null && ready + blocked > 0);
  const found = [
    ...nobody.map(({ queue, ready, blocked }) => `Nobody works on "${queue}", which has ${ready + blocked} ready.`),
    ...full.map(({ queue, running, global_concurrency, late: by }) => {
      return `"${queue}" is full, ${running} of ${global_concurrency}, and behind by ${minutes(by)}.`;
    }),
    ...slow.map(({ queue, late: by }) => `"${queue}" is behind by ${minutes(by)}.`),
    ...paused.map(({ queue, ready, blocked }) => `"${queue}" is paused, with ${ready + blocked} ready.`),
  ];
  if (found.length === 0) return { id, state: 'ok', text: 'No queue stands still.' };
  const mends = [
    ...(nobody.length > 0 ? [`add ${namesOf(nobody)} to the option queues of a process`] : []),
    ...(full.length > 0 ? [`raise globalConcurrency of ${namesOf(full)}`] : []),
    ...(slow.length > 0 ? ['raise concurrency, or start more processes'] : []),
    ...paused.map(({ queue }) => `nest-durable queues resume ${queue}`),
  ];
  return { id, state: 'warn', text: found.join(' '), mend: mends.join('; ') };
}

/** More workers would not help these. */
function limitsCheck(queues: readonly QueueFacts[]): Check {
  const id = 'limits';
  const works = queues.filter(({ workers, paused_at }) => workers > 0 && paused_at === null);
  const keyed = works.filter(({ blocked_lag }) => blocked_lag > LAG_WARN);
  const rated = works.filter(({ rated_lag }) => rated_lag > LAG_WARN);
  const found = [
    ...keyed.map(({ queue, blocked, blocked_lag }) => {
      return `${blocked} in "${queue}" ${waitFor(blocked)} a place of a concurrency limit, the first for ${minutes(blocked_lag)}.`;
    }),
    ...rated.map(({ queue, rated: n, rated_lag, rate_limit, rate_period_ms }) => {
      const rate = `${rate_limit} in ${spanOf(rate_period_ms ?? 0)}`;
      return `${n} in "${queue}" ${waitFor(n)} its rate of ${rate}, the first for ${minutes(rated_lag)}.`;
    }),
  ];
  if (found.length === 0) return { id, state: 'ok', text: 'No limit keeps anything back for more than a minute.' };
  const mends = [
    ...(keyed.length > 0 ? ['nest-durable inspect of one that waits names the run that has the place'] : []),
    ...(rated.length > 0 ? [`raise rateLimit of ${namesOf(rated)}, where what it protects bears more`] : []),
  ];
  return { id, state: 'warn', text: found.join(' '), mend: mends.join('; ') };
}

function isFull({ running, global_concurrency }: QueueFacts): boolean {
  return global_concurrency !== null && running >= global_concurrency;
}

function waitFor(n: number): string {
  return n === 1 ? 'waits for' : 'wait for';
}

function namesOf(queues: readonly QueueFacts[]): string {
  return queues.map(({ queue }) => queue).join(', ');
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} min`;
}

function schedulesCheck(schedules: readonly ScheduleFacts[]): Check {
  const id = 'schedules';
  const active = schedules.filter(({ removed_at }) => removed_at === null);
  const off = active.filter(({ enabled, auto_disabled_at }) => !enabled && auto_disabled_at !== null);
  const failing = active.filter(({ enabled, consecutive_failures }) => enabled && consecutive_failures > 0);
  const found = [
    ...off.map(({ name }) => `"${name}" was switched off after failures.`),
    ...failing.map(
      ({ name, consecutive_failures }) => `"${name}" has failed to start ${manyOf(consecutive_failures, 'time')}.`,
    ),
  ];
  if (found.length === 0) return { id, state: 'ok', text: soundSchedules(active.length) };
  const mend =
    off.length > 0 ? off.map(({ name }) => `nest-durable schedules enable ${name}`) : ['nest-durable schedules'];
  return { id, state: 'warn', text: found.join(' '), mend: mend.join('; ') };
}

function soundSchedules(count: number): string {
  if (count === 0) return 'There is no schedule.';
  return count === 1 ? '1 schedule, which does not fail.' : `${count} schedules, none of them fails.`;
}

function orphansCheck({ orphaned, workers }: WorkFacts): Check {
  const id = 'orphans';
  if (orphaned === 0) return { id, state: 'ok', text: 'Every leased run has a living worker.' };
  const mend = workers === 0 ? 'Start the app.' : 'A worker takes them within seconds; if not, look at its log.';
  const rows = orphaned === 1 ? '1 row is' : `${orphaned} rows are`;
  return { id, state: 'warn', text: `${rows} leased by no living worker.`, mend };
}
