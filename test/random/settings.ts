import type { DurableModuleOptions } from 'nest-durable';
import type { Random } from '../support/random.js';

/** What befalls a trial and how its workers are set up. */
export interface Settings {
  readonly plans: number;
  readonly runs: number;
  readonly workers: number;
  readonly isolation: 'read committed' | 'repeatable read' | 'serializable';
  /** A pooler in transaction mode between the engine and the server. */
  readonly pooled: boolean;
  readonly faults: readonly Fault[];
  /** Faults at each worker and its successors, at most: a slow machine that does little between two of them gets to an end too. */
  readonly strikes: number;
  /** A worker that is started again has any version of the definitions; in the end all have one, then all another. */
  readonly deploys: boolean;
  /** Acts on many runs, and runs that are run again while others are at work, at random moments. */
  readonly acts: boolean;
  /** Runs that have ended are deleted all the time, of a short age. */
  readonly retention: boolean;
  /** Schedules of some seconds start runs, and are changed meanwhile. */
  readonly schedules: boolean;
  /**
   * The loops that find what a hint has not told come round too seldom to help: what they would mend hangs. Without
   * faults alone, as a hint may be lost with its connection.
   */
  readonly seldom: boolean;
  readonly options: Omit<DurableModuleOptions, 'database'>;
}

export type Fault =
  | 'kill'
  | 'restart'
  | 'cut'
  | 'cut at a commit'
  /** It stands still, mostly for longer than its lease, and goes on as if nothing had been. */
  | 'freeze'
  /** Sessions of the server are ended, of any process. */
  | 'terminate'
  | 'terminate at a commit';

/** What seeds draw, and `--with` has in all of them. */
export const ELEMENTS = [
  'kill',
  'restart',
  'cut',
  'freeze',
  'terminate',
  'pooled',
  'deploys',
  'acts',
  'retention',
  'schedules',
] as const;
export type Element = (typeof ELEMENTS)[number];

/** ms of a lease that a worker which stands still has lost soon. */
const SHORT_LEASE = 3_000;

/** @param wanted elements that are there whatever the seed says */
export function settingsOf(random: Random, size: Partial<Settings> = {}, wanted: readonly Element[] = []): Settings {
  const drawn = (element: Element, probability: number): boolean =>
    random.chance(probability) || wanted.includes(element);
  const seldom = random.chance(0.3) && wanted.length === 0;
  const pooled = drawn('pooled', 0.2) && !seldom;
  const faults: Fault[] = [];
  if (drawn('kill', 0.6)) faults.push('kill');
  if (drawn('restart', 0.4) || wanted.includes('deploys')) faults.push('restart');
  if (drawn('cut', 0.4) && !pooled) faults.push('cut', 'cut at a commit');
  if (drawn('freeze', 0.35)) faults.push('freeze');
  if (drawn('terminate', 0.35)) faults.push('terminate', 'terminate at a commit');
  const concurrency = random.pick([2, 6, 25, 60]);
  const rare = seldom ? 600_000 : undefined;
  const seldomLooked = rare === undefined ? {} : { pollInterval: rare };
  return {
    plans: 24,
    runs: random.pick([40, 80, 160]),
    workers: random.int(2, 3),
    isolation: random.pick(['read committed', 'read committed', 'repeatable read', 'serializable']),
    pooled,
    faults: seldom ? [] : faults,
    strikes: random.int(2, 5),
    deploys: drawn('deploys', 0.3) && !seldom,
    acts: drawn('acts', 0.4),
    retention: drawn('retention', 0.25),
    schedules: drawn('schedules', 0.25),
    seldom,
    options: {
      notify: !pooled,
      poolSize: random.pick([2, 4]),
      ...(rare === undefined ? {} : { wakeInterval: rare, recoveryInterval: rare }),
      ...(faults.includes('freeze') ? { leaseTimeout: SHORT_LEASE } : {}),
      queues: {
        default: { concurrency, ...seldomLooked },
        elsewhere: { concurrency, ...seldomLooked },
        narrow: { concurrency: 10, globalConcurrency: random.int(1, 4), ...seldomLooked },
        rated: {
          concurrency: 10,
          rateLimit: { limit: 40, period: 1_000, counts: random.pick(['runs', 'attempts']) },
          ...seldomLooked,
        },
      },
    },
    ...size,
  };
}
