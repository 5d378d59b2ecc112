import { DatabaseUnavailableError } from '../core/errors/errors.js';
import type { DatabaseClock } from './time/clock.js';
import type { JournalWriter } from './journal/journal-writer.js';
import { type StartOp, StoreError } from './ports/store.js';
import type { Telemetry } from './ports/telemetry.js';

interface StartsDeps {
  readonly writer: JournalWriter;
  readonly clock: DatabaseClock;
  /** Called with a queue that has work now. */
  readonly onWork: (queue: string) => void;
  /** Called with a queue that has work in so many ms. */
  readonly onLater: (queue: string, inMs: number) => void;
  readonly telemetry?: Telemetry | undefined;
}

/** ms by which the database's time may be another than is known here. */
const ABOUT_NOW = 1_000;

/** Starts runs in group commits: claimed in the same statement where this process has room, else whoever may is told. */
export class Starts {
  private readonly starting = new Set<string>();

  constructor(private readonly deps: StartsDeps) {}

  /** True while the run is being started here. */
  has(runId: string): boolean {
    return this.starting.has(runId);
  }

  async start(op: StartOp): Promise<void> {
    const { writer, onWork, onLater, telemetry } = this.deps;
    this.starting.add(op.id);
    try {
      const claimed = await writer.start(op);
      telemetry?.started(op.workflow, 1);
      if (claimed) return;
      const { scheduledAt, delayMs } = op;
      const inMs = scheduledAt === null ? delayMs : Date.parse(scheduledAt) - this.deps.clock.now();
      if (scheduledAt !== null || inMs > 0) onLater(op.queue, Math.max(0, inMs));
      // Whether a time had come when the row was written was the database's to say: where it is about now, both are told.
      if (inMs <= (scheduledAt === null ? 0 : ABOUT_NOW)) onWork(op.queue);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new DatabaseUnavailableError(`PostgreSQL refused to store run ${op.id}: ${error.message}`);
    } finally {
      this.starting.delete(op.id);
    }
  }
}
