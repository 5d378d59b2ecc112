import { Loop } from '../time/loop.js';
import type { EngineStore, ReceivedEvent, WokenRun } from '../ports/store.js';

export interface MatcherSettings {
  /** ms between looks that no hint has asked for. */
  readonly wakeInterval: number;
  /** Runs in one transaction. */
  readonly wakeBatchSize: number;
}

/** ms until a run is looked at again that somebody had locked, doubled each time up to the interval. */
const FIRST_RETRY = 20;

/**
 * Joins events that were sent in callers' transactions with the waits that ask for them: such an event locks no run, so
 * that whoever registers a wait cannot see it before its commit. Looks when a hint comes, and every `wakeInterval`.
 */
export class EventMatcher {
  private readonly loop: Loop;
  private retry = FIRST_RETRY;

  constructor(
    private readonly store: Pick<EngineStore, 'matchEvents'>,
    private readonly settings: MatcherSettings,
    private readonly onWoken: (runs: readonly WokenRun[]) => void,
    onTrouble: (message: string, cause?: unknown) => void,
    private readonly onReceived: (events: readonly ReceivedEvent[]) => void = () => {},
    isNeeded?: () => boolean,
  ) {
    this.loop = new Loop('Matching events', settings.wakeInterval, () => this.match(), onTrouble, isNeeded);
  }

  start(): void {
    this.loop.start();
  }

  /** Looks as soon as possible; resolves when it has looked. */
  poke(): Promise<void> {
    return this.loop.poke();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async match(): Promise<number | null> {
    const { woken, left, received = [] } = await this.store.matchEvents(this.settings.wakeBatchSize);
    if (received.length > 0) this.onReceived(received);
    this.onWoken(woken);
    const wait = this.retry;
    this.retry = left === 'locked' ? Math.min(wait * 2, this.settings.wakeInterval) : FIRST_RETRY;
    if (left === 'none') return null;
    return left === 'more' ? 0 : wait;
  }
}
