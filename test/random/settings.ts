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
  /** The next version of the definitions comes with each worker that is started again. */
  readonly deploys: boolean;
  /**
   * The loops that find what a hint has not told come round too seldom to help: what they would mend hangs. Without
   * faults alone, as a hint may be lost with its connection.
   */
  readonly seldom: boolean;
  readonly options: Omit<DurableModuleOptions, 'database'>;
}

export type Fault = 'kill' | 'restart' | 'cut' | 'cut at a commit';

export function settingsOf(random: Random, size: Partial<Settings> = {}): Settings {
  const seldom = random.chance(0.3);
  const pooled = !seldom && random.chance(0.2);
  const faults: Fault[] = [];
  if (!seldom) {
    if (random.chance(0.6)) faults.push('kill');
    if (random.chance(0.4)) faults.push('restart');
    if (!pooled && random.chance(0.4)) faults.push('cut', 'cut at a commit');
  }
  const concurrency = random.pick([2, 6, 25, 60]);
  const rare = seldom ? 600_000 : undefined;
  return {
    plans: 24,
    runs: random.pick([40, 80, 160]),
    workers: random.int(2, 3),
    isolation: random.pick(['read committed', 'read committed', 'repeatable read', 'serializable']),
    pooled,
    faults,
    deploys: random.chance(0.3),
    seldom,
    options: {
      notify: !pooled,
      poolSize: random.pick([2, 4]),
      ...(rare === undefined ? {} : { wakeInterval: rare, recoveryInterval: rare }),
      queues: {
        default: { concurrency, ...(rare === undefined ? {} : { pollInterval: rare }) },
        elsewhere: { concurrency, ...(rare === undefined ? {} : { pollInterval: rare }) },
        narrow: {
          concurrency: 10,
          globalConcurrency: random.int(1, 4),
          ...(rare === undefined ? {} : { pollInterval: rare }),
        },
        rated: {
          concurrency: 10,
          rateLimit: { limit: 40, period: 1_000, counts: random.pick(['runs', 'attempts']) },
          ...(rare === undefined ? {} : { pollInterval: rare }),
        },
      },
    },
    ...size,
  };
}
