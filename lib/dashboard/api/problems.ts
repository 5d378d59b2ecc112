import type { DoctorReport } from '../door.js';
import type { StoredSchedule } from '../durable.js';
import type { FailureGroup } from './failures.js';

/** Something that somebody should look at. */
export interface Problem {
  readonly kind: string;
  readonly state: 'bad' | 'warn';
  readonly title: string;
  readonly detail: string | null;
  readonly since: Date | null;
  readonly n: number | null;
  readonly spark: readonly number[] | null;
  readonly target?: Readonly<Record<string, unknown>>;
}

/** What of a queue is looked at; lag in ms. */
export interface QueueLook {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedAt: Date | null;
  readonly ready: number;
  readonly lag: number;
}

export interface Look {
  readonly groups: readonly FailureGroup[];
  /** Failures of that workflow and error in the window before. */
  readonly before: (workflow: string, error: string) => number;
  readonly schedules: readonly StoredSchedule[];
  readonly queues: readonly QueueLook[];
  readonly checks: DoctorReport['checks'];
  readonly rollbackFailed: number;
}

/** Few failures are bad luck; so many, and three times those of the window before, are a fault. */
const FEWEST = 5;
const RISEN = 3;
const LAG = 60_000;

/** Checks of doctor that are problems of the moment. */
const CHECKS: ReadonlyMap<string, string> = new Map([
  ['code', 'unclaimable'],
  ['workers', 'worker'],
  ['orphans', 'worker'],
  ['notifications', 'polling'],
  ['migrations', 'migrations'],
  ['transaction', 'transaction'],
]);

const NONE = { detail: null, since: null, n: null, spark: null };

/** The worst first. */
export function problemsOf({ groups, before, schedules, queues, checks, rollbackFailed }: Look): Problem[] {
  const found: Problem[] = [
    ...groups
      .filter(({ workflow, error, n }) => n >= FEWEST && n >= RISEN * before(workflow, error))
      .map(({ workflow, step, error, message, n, lastAt, spark }) => ({
        ...NONE,
        kind: 'failures',
        state: 'bad' as const,
        title: `${n} runs of \`${workflow}\` failed${step === null ? '' : ` at \`${step}\``} with \`${error}\``,
        detail: message,
        since: lastAt,
        n,
        spark,
        target: { workflow, q: `workflow:${quoted(workflow)} error:${quoted(error)}` },
      })),
    ...(rollbackFailed === 0
      ? []
      : [
          {
            ...NONE,
            kind: 'rollback',
            state: 'bad' as const,
            title: `${rollbackFailed} rollbacks failed`,
            n: rollbackFailed,
            target: { q: 'status:compensation_failed' },
          },
        ]),
    ...schedules.filter(isBroken).map(scheduleProblem),
    ...queues.filter(({ paused, ready, lag }) => (paused ? ready > 0 : lag > LAG)).map(queueProblem),
    ...checks.flatMap(({ id, state, text, mend }) => {
      const kind = CHECKS.get(id);
      return kind === undefined || state === 'ok' ? [] : [{ ...NONE, kind, state, title: text, detail: mend ?? null }];
    }),
  ];
  return found.toSorted((a, b) => Number(b.state === 'bad') - Number(a.state === 'bad'));
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
    : `The schedule \`${name}\` has failed to start ${consecutiveFailures} times`;
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

function queueProblem({ name, paused, pausedAt, ready, lag }: QueueLook): Problem {
  const title = paused
    ? `The queue \`${name}\` is paused, with ${ready} runs ready`
    : `The queue \`${name}\` is behind by ${Math.round(lag / LAG)} min, with ${ready} runs ready`;
  return { ...NONE, kind: 'queue', state: 'warn', title, since: pausedAt, n: ready, target: { queue: name } };
}

function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
