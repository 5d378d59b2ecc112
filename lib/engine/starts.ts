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
      if (inMs > 0) onLater(op.queue, inMs);
      else onWork(op.queue);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new DatabaseUnavailableError(`PostgreSQL refused to store run ${op.id}: ${error.message}`);
    } finally {
      this.starting.delete(op.id);
    }
  }
}
