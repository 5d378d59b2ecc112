import type { DataSource } from 'typeorm';
import { read } from '../../core/text-of.js';

/** ms without an end of any transaction after which a pool that is used up is told of. */
const PATIENCE = 5_000;
/** ms between two looks. */
const LOOK = 500;

/**
 * Notices transactional steps that wait for each other: each holds a connection of the app's pool and asks for a second
 * one, by a repository that is not `stepManager()`'s, and none is left. Nothing would ever say so, and nothing ends it.
 */
export class PoolWatch {
  private open = 0;
  private timer: NodeJS.Timeout | null = null;
  /** performance.now() since when the pool is used up and no transaction has ended; null: it is not. */
  private stuckSince: number | null = null;
  private told = false;

  constructor(
    private readonly dataSource: DataSource,
    /** Transactional steps that this process may run at a time. */
    private readonly places: number,
    private readonly warn: (message: string) => void,
  ) {}

  /** Around a transaction. */
  enter(): () => void {
    this.open++;
    this.timer ??= setInterval(() => this.look(), LOOK).unref();
    return () => {
      this.open--;
      this.stuckSince = null;
      if (this.open > 0 || this.timer === null) return;
      clearInterval(this.timer);
      this.timer = null;
      this.told = false;
    };
  }

  private look(): void {
    const pool = poolOf(this.dataSource);
    if (pool === null || pool.waiting === 0 || pool.idle > 0 || pool.total < pool.max) {
      this.stuckSince = null;
      this.told = false;
      return;
    }
    this.stuckSince ??= performance.now();
    if (this.told || performance.now() - this.stuckSince < PATIENCE) return;
    this.told = true;
    this.warn(
      `All ${pool.max} connections of the app's DataSource are in use and ${pool.waiting} queries wait for one, for ` +
        `${PATIENCE / 1_000} s without an end of any transactional step. This process runs up to ${this.places} steps at a ` +
        'time: one that asks a repository of the DataSource, not of stepManager(), takes a second connection and may wait ' +
        "for ever. Use stepManager() for all queries of the step, or make the pool larger (extra: { max }) than the queues' " +
        'concurrency.',
    );
  }
}

interface PoolState {
  readonly max: number;
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** By its looks: the app's pg is not always ours. Null: it is no pool of pg. */
function poolOf({ driver }: DataSource): PoolState | null {
  const pool = read(driver, 'master');
  const figure = (of: unknown, key: string): number => Number(read(of, key));
  const state = {
    max: figure(read(pool, 'options'), 'max'),
    total: figure(pool, 'totalCount'),
    idle: figure(pool, 'idleCount'),
    waiting: figure(pool, 'waitingCount'),
  };
  return Object.values(state).some(Number.isNaN) ? null : state;
}
