import { Loop } from '../time/loop.js';
import type { Registry } from '../ports/registry.js';
import type { DeclarationStore, Followed, QueueLimits } from '../ports/store.js';

export interface DeclarationsDeps {
  readonly store: DeclarationStore;
  readonly registry: Registry;
  /** The declarations of its schedules, which the boot has stored. */
  readonly schedules: readonly number[];
  /** Of the queues that this process works on. */
  readonly limits: readonly QueueLimits[];
  readonly onFollowed: (followed: Followed) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
}

/** ms between two looks where no worker came or went. */
const INTERVAL = 30_000;
/** ms after which it is tried again when it failed. */
const RETRY = 1_000;

/**
 * The declarations of this process, and its part in putting those of the latest living code in force. A process of older code
 * changes nothing while one of later code lives; when the last of these has gone, the older declarations are in force
 * again. A process looks when it has come, when it has left, and whenever it sees that another came, left or died.
 */
export class Declarations {
  readonly loop: Loop;
  private queues: readonly number[] = [];
  private refused: readonly string[] = [];

  constructor(private readonly deps: DeclarationsDeps) {
    this.loop = new Loop('Following what processes declare', INTERVAL, () => this.look(), deps.onTrouble);
  }

  /** Numbers of this process's declarations, for its entry among the workers. */
  get ids(): readonly number[] {
    return [...this.deps.schedules, ...this.queues];
  }

  /** Stores what this process declares; to be called before it enters the workers. */
  async declare(): Promise<void> {
    const { store, registry, limits } = this.deps;
    const latest = Math.max(0, ...registry.all().map(({ definitionId }) => definitionId));
    this.queues = await store.declareQueues(latest, limits);
  }

  /** Follows once, and says so when it fails. */
  async follow(): Promise<void> {
    const followed = await this.deps.store.follow();
    const before = new Set(this.refused);
    this.refused = followed.refused;
    for (const message of this.refused) if (!before.has(message)) this.deps.onTrouble(message);
    if (followed.schedules || followed.queues.length > 0) this.deps.onFollowed(followed);
  }

  private async look(): Promise<null> {
    try {
      await this.follow();
    } catch (error) {
      this.loop.within(RETRY);
      throw error;
    }
    return null;
  }
}
