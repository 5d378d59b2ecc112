import { DatabaseUnavailableError } from '../core/errors.js';
import type { DatabaseClock } from './clock.js';
import type { JournalWriter } from './journal-writer.js';
import type { QueuePoller } from './poller.js';
import type { QueueClaims } from './queue-claims.js';
import type { Registry } from './registry.js';
import type { SessionOpener } from './session-opener.js';
import type { Sessions } from './sessions.js';
import { type StartOp, StoreError } from './store.js';
import type { Telemetry } from './telemetry.js';

interface StartsDeps {
  readonly writer: JournalWriter;
  readonly sessions: Sessions;
  readonly opener: SessionOpener;
  readonly claims: QueueClaims;
  readonly pollers: ReadonlyMap<string, QueuePoller>;
  readonly registry: Registry;
  readonly clock: DatabaseClock;
  readonly mayHold: () => boolean;
  /** This queue has work now, */
  readonly onWork: (queue: string) => void;
  /** or in so many ms. */
  readonly onLater: (queue: string, inMs: number) => void;
  readonly telemetry?: Telemetry | undefined;
}

type Start = Omit<StartOp, 'claim'>;

/** Starts runs: in a group commit, and in the same statement held by this process where it has room. */
export class Starts {
  private readonly starting = new Set<string>();

  constructor(private readonly deps: StartsDeps) {}

  /** Whether the run is being started here. */
  has(runId: string): boolean {
    return this.starting.has(runId);
  }

  async start(op: Start): Promise<void> {
    const { sessions, pollers, onWork, onLater } = this.deps;
    const poller = pollers.get(op.queue);
    const claim = this.mayHold(op) && (poller?.reserve() ?? false);
    this.starting.add(op.id);
    try {
      if (await sessions.take(() => this.write(op, claim))) return;
      if (claim) {
        poller?.free();
        // Perhaps granted all the same, by a commit whose answer was lost.
        sessions.doubt();
      }
      if (isDue(op)) onWork(op.queue);
      else onLater(op.queue, this.delayOf(op));
    } catch (error) {
      if (claim) poller?.free();
      if (!(error instanceof StoreError)) throw error;
      throw new DatabaseUnavailableError(`PostgreSQL refused to store run ${op.id}: ${error.message}`);
    } finally {
      this.starting.delete(op.id);
    }
  }

  /** Whether it is held here. */
  private async write(op: Start, claim: boolean): Promise<boolean> {
    const { writer, opener, telemetry } = this.deps;
    const token = await writer.start({ claim, ...op });
    telemetry?.started(op.workflow, 1);
    if (token !== null) opener.openStarted(op, token);
    return token !== null;
  }

  private mayHold(op: Start): boolean {
    const { registry, claims, mayHold } = this.deps;
    const workflow = registry.byId(op.definitionId);
    if (workflow === undefined || !isDue(op) || !mayHold()) return false;
    return claims.mayHold(op.queue, workflow.definition.concurrencyLimit);
  }

  private delayOf({ scheduledAt, delayMs }: Start): number {
    return scheduledAt === null ? delayMs : Date.parse(scheduledAt) - this.deps.clock.now();
  }
}

function isDue({ delayMs, scheduledAt }: Start): boolean {
  return delayMs <= 0 && scheduledAt === null;
}
