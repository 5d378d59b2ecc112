import { Loop } from '../time/loop.js';
import type { PulseFindings, PulseQuestion } from '../ports/store.js';

/** A process that does nothing asks half as often where hints reach it. */
const IDLE_FACTOR = 2;

export interface PulseDeps {
  /** ms: the shortest of the intervals that it stands in for. */
  readonly interval: number;
  readonly ask: (question: PulseQuestion) => Promise<PulseFindings>;
  readonly question: () => PulseQuestion;
  /** True while hints of other processes arrive. */
  readonly listening: () => boolean;
  /** True while this process has a run leased. */
  readonly isBusy: () => boolean;
  readonly onFindings: (findings: PulseFindings) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
}

/**
 * The one statement by which an idle process asks whether there is something to do: ready rows, due times, unmatched
 * events, changed settings, suspicious workers. The loops that do it run when it says so, when a hint says so, or when
 * the due time that they know has come; their own intervals count only while the pulse fails.
 */
export class Pulse {
  readonly loop: Loop;
  private answeredAt = -Infinity;
  private idle = false;

  constructor(private readonly deps: PulseDeps) {
    this.loop = new Loop(
      'Pulse',
      deps.interval,
      () => this.beat(),
      deps.onTrouble,
      () => this.isDue,
    );
  }

  /** True when the last answer is too old to go by: then each loop looks for itself. */
  get isStale(): boolean {
    return performance.now() - this.answeredAt > this.deps.interval * (IDLE_FACTOR + 1);
  }

  private get isDue(): boolean {
    const { interval, listening, isBusy } = this.deps;
    if (!this.idle || !listening() || isBusy()) return true;
    // A turn is due each interval; the tolerance is that of a timer.
    return performance.now() - this.answeredAt > interval * (IDLE_FACTOR - 0.5);
  }

  private async beat(): Promise<null> {
    const findings = await this.deps.ask(this.deps.question());
    this.answeredAt = performance.now();
    this.idle = findings.readyQueues.length === 0 && !findings.leasedElsewhere;
    this.deps.onFindings(findings);
    return null;
  }
}
