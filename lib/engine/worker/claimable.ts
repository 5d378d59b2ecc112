import { Loop } from '../time/loop.js';
import type { Registry } from '../ports/registry.js';
import type { Claimable, EngineStore } from '../ports/store.js';

/** ms between two reads of the definitions that may be claimed. */
const INTERVAL = 5_000;

/** The stored definitions that this process may claim: its own, earlier ones, and orphaned later ones. */
export class ClaimableDefinitions {
  readonly loop: Loop;
  private list: readonly Claimable[] = [];

  constructor(
    private readonly store: EngineStore,
    private readonly registry: Registry,
    private readonly worker: () => number,
    private readonly queues: readonly string[],
    /** There are definitions among them that were not before: rows that have them may be ready. */
    private readonly onMore: () => void,
    onTrouble: (message: string, cause?: unknown) => void,
  ) {
    this.loop = new Loop('Reading definitions', INTERVAL, () => this.read(), onTrouble);
  }

  get all(): readonly Claimable[] {
    return this.list;
  }

  get ids(): number[] {
    return this.list.map(({ id }) => id);
  }

  /** Begins with the definitions of this process, until the database has answered. */
  begin(): void {
    this.list = this.registry
      .all()
      .map(({ definitionId, definition }) => ({ id: definitionId, runAs: definitionId, timeout: definition.timeout }));
  }

  private async read(): Promise<null> {
    const own = this.registry.all().map(({ definitionId }) => definitionId);
    const found = await this.store.claimableDefinitions(this.worker(), own, this.queues);
    const before = new Set(this.ids);
    this.list = found.flatMap(({ id, own: runAs, undoes }) => {
      const workflow = this.registry.byId(runAs);
      if (workflow === undefined) return [];
      // Known before a run that was there by that definition can be claimed.
      if (undoes) workflow.undoesElsewhere = true;
      return [{ id, runAs, timeout: workflow.definition.timeout }];
    });
    if (this.list.some(({ id }) => !before.has(id))) this.onMore();
    return null;
  }
}
