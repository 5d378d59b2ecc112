import { decode } from '../core/codec/codec.js';
import type { StoredError } from '../core/errors/stored-error.js';
import { BEGAN, StatsAdder, type StatsRow } from '../core/run/run-stats.js';
import { uuidv7 } from '../core/uuid.js';
import type { RunStatsSink } from '../engine/ports/run-stats.js';
import type { MaintenanceJob } from '../engine/worker/maintenance.js';
import type { PgRunStats } from '../storage/reads/run-stats.js';

/** ms between two writes: a process that is killed loses as much. */
const INTERVAL = 10_000;
/** Writes between two looks for what is too old: an hour. */
const FORGET = 360;

/** Adds up in memory what becomes of runs, and writes it every few seconds. */
export class StatsJob implements RunStatsSink {
  readonly job: MaintenanceJob = {
    name: 'Figures of runs',
    interval: INTERVAL,
    isInternal: true,
    run: () => this.write(),
  };
  private readonly adder = new StatsAdder();
  /** On its way, or of which nobody knows whether it is there; null: nothing is. */
  private batch: Batch | null = null;
  private writes = 0;

  constructor(private readonly stats: Pick<PgRunStats, 'add' | 'forget'>) {}

  began(at: number, workflow: string, delayMs: number): void {
    this.adder.add(at, workflow, BEGAN, '', null, Math.max(0, delayMs));
  }

  ended(at: number, workflow: string, status: string, error: string | null, ms: number | null): void {
    const name = error === null ? '' : (decode(error) as StoredError).name;
    this.adder.add(at, workflow, status, name, ms === null ? null : Math.max(0, ms), null);
  }

  async write(): Promise<void> {
    // By itself: it may have been added.
    if (this.batch !== null) await this.add(this.batch);
    const rows = this.adder.take();
    if (rows.length === 0) return;
    this.batch = { request: uuidv7(), rows };
    await this.add(this.batch);
    if (this.writes++ % FORGET === 0) await this.stats.forget();
  }

  private async add(batch: Batch): Promise<void> {
    await this.stats.add(batch.request, batch.rows);
    if (this.batch === batch) this.batch = null;
  }
}

interface Batch {
  readonly request: string;
  readonly rows: readonly StatsRow[];
}
