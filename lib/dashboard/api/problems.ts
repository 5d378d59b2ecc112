import { manyOf } from '../../core/standing/words.js';
import type { DoctorReport, QueueFigures } from '../door.js';
import type { StoredSchedule, WorkerInfo } from '../durable.js';
import { type FailureGroup, mergeSteps } from './failures.js';

export type ProblemKind =
  'failures' | 'schedule' | 'queue' | 'unclaimable' | 'worker' | 'polling' | 'rollback' | 'migrations' | 'transaction';

/** Something that somebody should look at. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly state: 'bad' | 'warn';
  readonly title: string;
  readonly detail: string | null;
  readonly since: Date | null;
  /** Of failures: the last one. */
  readonly lastAt?: Date;
  readonly n: number | null;
  /** Of failures: there may be more than `n`. */
  readonly more?: true;
  readonly spark: readonly number[] | null;
  readonly target?: Readonly<Record<string, unknown>>;
}

/** What of a queue is looked at; lag in ms. */
export type QueueLook = Pick<
  QueueFigures,
  'name' | 'paused' | 'pausedAt' | 'ready' | 'limited' | 'running' | 'globalConcurrency' | 'late'
>;

export interface Look {
  readonly groups: readonly FailureGroup[];
  /** Whether the groups are of the newest failures alone. */
  readonly cut: boolean;
  /** Runs that have ended with that workflow and error in the window, as the kept figures have it. */
  readonly failed: (workflow: string, error: string) => number;
  /** Failures of that workflow and error in the window before. */
  readonly before: (workflow: string, error: string) => number;
  /** Runs of that workflow that have ended in the window. */
  readonly ended: (workflow: string) => number;
  readonly schedules: readonly StoredSchedule[];
  readonly queues: readonly QueueLook[];
  readonly workers: readonly Pick<WorkerInfo, 'host' | 'pid' | 'alive' | 'listening'>[];
  /** ms */
  readonly now: number;
  readonly checks: DoctorReport['checks'];
  readonly rollbackFailed: number;
}

/** Few failures are bad luck; so many, and three times those of the window before, are a fault. */
const FEWEST = 5;
const RISEN = 3;
const LAG = 60_000;

/** Checks of doctor that are problems of the moment; of those that say the same in two ways the first that is not well. */
export const CHECKS: ReadonlyMap<ProblemKind, readonly string[]> = new Map([
  ['unclaimable', ['code']],
  ['worker', ['workers', 'orphans']],
  ['migrations', ['migrations']],
  ['transaction', ['transactions']],
]);

const NONE = { detail: null, since: null, n: null, spark: null };

/** The worst first. */
export function problemsOf(look: Look): Problem[] {
  const { before, ended, schedules, queues, workers, now, checks, rollbackFailed } = look;
  const found: Problem[] = [
    ...failuresOf(look)
      .filter(({ workflow, error, n }) => n >= FEWEST && n >= RISEN * before(workflow, error))
      .map(({ workflow, step, error, sample, n, more, since, lastAt, spark }) => ({
        ...NONE,
        kind: 'failures' as const,
        state: 'bad' as const,
        title: `${n} runs ${more ? 'or more ' : ''}of \`${workflow}\` failed${step === null ? '' : ` at \`${step}\``} with \`${error}\``,
        detail:
          [more ? null : shareOf(n, ended(workflow)), sample === '' ? null : `"${sample}".`]
            .filter((one) => one !== null)
            .join(' ') || null,
        since,
        lastAt,
        n,
        ...(more && { more }),
        spark,
        target: { workflow, q: `workflow:${quoted(workflow)} error:${quoted(error)}` },
      })),
    ...(rollbackFailed === 0
      ? []
      : [
          {
            ...NONE,
            kind: 'rollback' as const,
            state: 'bad' as const,
            title: `${rollbackFailed} ${rollbackFailed === 1 ? 'rollback' : 'rollbacks'} failed`,
            n: rollbackFailed,
            target: { q: 'status:compensation_failed' },
          },
        ]),
    ...schedules.filter(isBroken).map(scheduleProblem),
    ...queues
      .filter(({ paused, ready, limited, late }) => (paused ? ready + limited > 0 : late > LAG))
      .map((queue) => queueProblem(queue, now)),
    ...pollingProblem(workers),
    ...[...CHECKS].flatMap(([kind, ids]) => {
      const [check] = ids.flatMap((id) => checks.find((one) => one.id === id && one.state !== 'ok') ?? []);
      if (check === undefined || check.state === 'ok') return [];
      return [{ ...NONE, kind, state: check.state, title: check.text, detail: check.mend ?? null }];
    }),
  ];
  return found.toSorted((a, b) => Number(b.state === 'bad') - Number(a.state === 'bad'));
}

type Failures = Pick<FailureGroup, 'workflow' | 'step' | 'error' | 'sample' | 'n' | 'lastAt'> & {
  readonly more?: true;
  readonly since: Date | null;
  readonly spark: readonly number[] | null;
};

/** Of a list that was cut the kept figures have the number, by workflow and error; since when, and where, nothing tells. */
function failuresOf({ groups, cut, failed }: Look): readonly Failures[] {
  if (!cut) return groups;
  return mergeSteps(groups)
    .map((group) => {
      const all = failed(group.workflow, group.error);
      const told = all < group.n ? { more: true as const } : { n: all };
      return { ...group, ...told, step: null, since: null, spark: null };
    })
    .toSorted((a, b) => b.n - a.n);
}

/** Counts are about what they are: a share that cannot be is not told. */
function shareOf(n: number, ended: number): string | null {
  if (n > ended) return null;
  return `${n * 100 < ended ? 'Less than 1' : Math.round((n / ended) * 100)} % of those that ended.`;
}

function isBroken({ removedAt, autoDisabledAt, enabled, consecutiveFailures }: StoredSchedule): boolean {
  return removedAt === null && ((!enabled && autoDisabledAt !== null) || (enabled && consecutiveFailures > 0));
}

function scheduleProblem({
  name,
  autoDisabledAt,
  consecutiveFailures,
  lastError,
  lastErrorAt,
}: StoredSchedule): Problem {
  const off = autoDisabledAt !== null;
  const title = off
    ? `The schedule \`${name}\` was switched off after failures`
    : `The schedule \`${name}\` has failed to start ${manyOf(consecutiveFailures, 'time')}`;
  const detail = lastError === null ? null : `\`${lastError.name}\`: ${lastError.message}`;
  return {
    ...NONE,
    kind: 'schedule',
    state: off ? 'bad' : 'warn',
    title,
    detail,
    since: autoDisabledAt ?? lastErrorAt,
    n: consecutiveFailures,
    target: { schedule: name },
  };
}

function queueProblem(queue: QueueLook, now: number): Problem {
  const { name, paused, pausedAt, ready, limited, running, globalConcurrency, late } = queue;
  const n = ready + limited;
  const full = globalConcurrency !== null && running >= globalConcurrency;
  const why = paused
    ? 'is paused'
    : full
      ? `is full, ${running} of ${globalConcurrency}, and behind by ${minutes(late)}`
      : `is behind by ${minutes(late)}`;
  return {
    ...NONE,
    kind: 'queue',
    state: 'warn',
    title: `The queue \`${name}\` ${why}, with ${n} ${n === 1 ? 'run' : 'runs'} ready`,
    since: paused ? pausedAt : new Date(now - late),
    n,
    target: { queue: name },
  };
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} min`;
}

/** Living workers that hear of nothing find their work by looking. */
function pollingProblem(workers: Look['workers']): Problem[] {
  const deaf = workers.filter(({ alive, listening }) => alive && !listening);
  const [first] = deaf;
  if (first === undefined) return [];
  const title =
    deaf.length === 1
      ? `The worker \`${first.host}\` (${first.pid}) gets no notifications: it finds work by polling`
      : `${deaf.length} workers get no notifications: they find work by polling`;
  const detail =
    'There is a pooler in transaction mode in between, the server has no LISTEN, or `notify` is false: work begins later than it could.';
  return [{ ...NONE, kind: 'polling', state: 'warn', title, detail, n: deaf.length }];
}

function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
