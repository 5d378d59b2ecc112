import { LONGEST_TIMER } from '../core/limits.js';
import { readOptions } from '../core/option-reader.js';
import { textOf } from '../core/text-of.js';
import type { DurableHost, DurableRuntime } from '../lifecycle/host.js';
import { howToMigrate } from '../storage/migrations/migrator.js';

/** Options of `readiness()`. */
export interface ReadinessOptions {
  /** ms that the database has to answer. Default: 3000. */
  readonly timeout?: number;
  /** Longest lag in ms of a claimable run; more counts as down. Default: no limit; the lag is only shown. */
  readonly maxLag?: number;
}

/** Result of a check, in the shape that `@nestjs/terminus` takes from an indicator. */
export type DurableHealthResult<Key extends string = string> = Record<Key, DurableHealth>;

/** Health of one instance, with details such as `lag` and `loops`. */
export interface DurableHealth {
  readonly status: 'up' | 'down';
  /** Reason for `'down'`. */
  readonly message?: string;
  readonly [detail: string]: unknown;
}

/** ms beyond its interval after which a loop that has not completed a cycle hangs: twice what any statement may take. */
const HANGING = 60_000;
const TIMEOUT = 3_000;

/**
 * Health of one instance for `@nestjs/terminus`: `health.check([() => durable.readiness()])`. Injectable. Needs nothing
 * of terminus itself, so it can serve any health endpoint; it never throws.
 */
export class DurableHealthIndicator {
  /** @internal The module makes it. */
  constructor(private readonly host: DurableHost) {}

  /**
   * Liveness of the process: every loop completes its cycles. Asks nothing of the database, since a restart of the process
   * mends no outage of that.
   * @param key name of the entry in the result. Default: `'durable'`.
   */
  async liveness<const Key extends string = 'durable'>(key?: Key): Promise<DurableHealthResult<Key>> {
    return named(key, await this.health(async () => loopsOf(await this.host.ready()), TIMEOUT, {}));
  }

  /**
   * Readiness of the process: the database answers and takes writes; the last commit of this process (a heartbeat, at the
   * least: `lastCommit`, ms ago) is younger than a lease; the tables are those of this version or later; every loop
   * completes its cycles; the process is not shutting down. Details: `notifications` (`'listen'` or `'polling'`) and `lag`,
   * the ms for which the oldest claimable run of its queues has been due.
   * @param key name of the entry in the result. Default: `'durable'`.
   */
  async readiness<const Key extends string = 'durable'>(
    key?: Key,
    options: ReadinessOptions = {},
  ): Promise<DurableHealthResult<Key>> {
    try {
      const { timeout, maxLag } = readReadiness(options);
      const look = async (): Promise<Findings> => this.look(await this.host.ready(), maxLag);
      return named(key, await this.health(look, timeout, { database: 'down' }));
    } catch (error) {
      // Of the options: it never throws.
      return named(key, { status: 'down', message: textOf(error) });
    }
  }

  private async look(runtime: DurableRuntime, maxLag: number): Promise<Findings> {
    const { engine, schema } = runtime;
    const { state, claimable } = engine.health();
    const { workers, queues, leaseTimeout } = this.host.options;
    const reads = runtime.storage.health;
    const [writable, pending, lag] = await Promise.all([
      reads.isWritable(),
      reads.pendingMigrations(),
      workers ? reads.lag([...queues.keys()], claimable) : 0,
    ]);
    const loops = loopsOf(runtime);
    const faults = [...loops.faults];
    const { lastCommitAge } = runtime.store;
    const lastCommit = lastCommitAge === null ? null : Math.round(lastCommitAge);
    if (!writable) faults.push('the database takes no writes');
    if (state === 'running' && workers && (lastCommit ?? 0) > leaseTimeout) {
      faults.push(`nothing could be committed for ${lastCommit} ms, longer than a lease`);
    }
    if (pending.length > 0) faults.push(`the tables lack ${pending.join(', ')}. ${howToMigrate(schema)}`);
    if (state === 'quiet' || state === 'stopped') faults.push('it is shutting down');
    if (lag > maxLag) faults.push(`a run has been due for ${lag} ms, more than ${maxLag} ms`);
    return {
      faults,
      details: {
        database: writable ? 'up' : 'read-only',
        lastCommit,
        migrations: pending.length === 0 ? 'up to date' : 'pending',
        notifications: runtime.listening() ? 'listen' : 'polling',
        lag,
        ...loops.details,
      },
    };
  }

  /** @param failed what is known where the look fails */
  private async health(
    look: () => Promise<Findings>,
    timeout: number,
    failed: Findings['details'],
  ): Promise<DurableHealth> {
    try {
      return healthOf(await withTimeout(look, timeout));
    } catch (error) {
      // Of a database that nobody asks any more nothing is known.
      const details = this.host.closed === true ? { engine: 'stopped' } : failed;
      return { status: 'down', ...details, message: textOf(error) };
    }
  }
}

/** The entry of an indicator in the result of all. */
function named<Key extends string>(key: Key | undefined, health: DurableHealth): DurableHealthResult<Key> {
  return { [key ?? 'durable']: health } as DurableHealthResult<Key>;
}

/** @throws InvalidInputError */
function readReadiness(options: unknown): Required<ReadinessOptions> {
  return readOptions('The options of readiness()', options, (read) => {
    const ms = (key: keyof ReadinessOptions, fallback: number): number => {
      const value = read.take(key) ?? fallback;
      if (typeof value === 'number' && value >= 0) return value;
      read.expected(key, 'a number of ms, at least 0', value);
      return fallback;
    };
    return { timeout: ms('timeout', TIMEOUT), maxLag: ms('maxLag', Infinity) };
  });
}

interface Findings {
  readonly faults: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
}

function healthOf({ faults, details }: Findings): DurableHealth {
  if (faults.length === 0) return { status: 'up', ...details };
  return { status: 'down', message: faults.join('; '), ...details };
}

function loopsOf({ engine }: DurableRuntime): Findings {
  const { state, loops } = engine.health();
  const hanging = loops.filter(({ age, interval }) => age > interval + HANGING);
  return {
    faults: hanging.map(({ name, age }) => `loop "${name}" has not completed a cycle for ${Math.round(age)} ms`),
    details: { engine: state, loops: Object.fromEntries(loops.map(({ name, age }) => [name, Math.round(age)])) },
  };
}

async function withTimeout<T>(work: () => Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const tooLate = (): void => reject(new Error(`There was no answer within ${ms} ms`));
    timer = setTimeout(tooLate, Math.min(ms, LONGEST_TIMER));
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
