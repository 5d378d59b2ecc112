import type { PreparedChild } from './children.js';
import type { SessionDeps } from './session.js';
import type { Ack, HandOver, NewRecord, NewWait, OpExtras, Outcome, RunOp } from './store.js';

interface Draft {
  records: NewRecord[];
  waits: NewWait[];
  closes: string[];
  handOvers: HandOver[];
  children: PreparedChild[];
  compensating: boolean | null;
  closeAll: boolean;
  dropSteps: boolean;
  /** Who waits for the commit; false: the lease is lost. */
  told: ((taken: boolean) => void)[];
}

/**
 * What a session has to commit. One commit is under way at a time; whatever comes meanwhile goes into the next one
 * together, so that arms that finish together share a commit.
 */
export class Outbox {
  private draft = empty();
  private sending = false;

  constructor(
    private readonly deps: Pick<SessionDeps, 'writer'>,
    private readonly lease: Pick<RunOp, 'rowId' | 'runId' | 'token'>,
    private readonly parentId: string | null,
  ) {}

  get isBusy(): boolean {
    return this.sending;
  }

  get isEmpty(): boolean {
    const { records, waits, closes, handOvers, children, compensating, closeAll, dropSteps } = this.draft;
    const lists = [records, waits, closes, handOvers, children];
    return lists.every((list) => list.length === 0) && compensating === null && !closeAll && !dropSteps;
  }

  add(more: Partial<Pick<Draft, 'records' | 'waits' | 'closes' | 'handOvers' | 'children'>>): void {
    this.draft.records.push(...(more.records ?? []));
    this.draft.waits.push(...(more.waits ?? []));
    this.draft.closes.push(...(more.closes ?? []));
    this.draft.handOvers.push(...(more.handOvers ?? []));
    this.draft.children.push(...(more.children ?? []));
  }

  /** Marks the run as being undone, or no longer. */
  compensating(compensating: boolean): void {
    this.draft.compensating = compensating;
  }

  /** Closes all waits of the run. */
  closeAll(): void {
    this.draft.closeAll = true;
  }

  /** Takes the run's steps from other queues. */
  dropSteps(): void {
    this.draft.dropSteps = true;
  }

  /** Resolves when what is in the outbox now is committed; false: the lease is lost. */
  committed(): Promise<boolean> {
    return new Promise((resolve) => this.draft.told.push(resolve));
  }

  /** Sends what there is, with what becomes of the run. */
  async send(outcome: Outcome | null): Promise<{ ack: Ack; records: readonly NewRecord[] }> {
    const draft = this.draft;
    this.draft = empty();
    this.sending = true;
    try {
      const extras = this.extrasOf(draft, outcome);
      const ack = await this.deps.writer.commit({ ...this.lease, records: draft.records, outcome, extras });
      for (const tell of draft.told) tell(ack.taken);
      return { ack, records: draft.records };
    } catch (error) {
      for (const tell of draft.told) tell(false);
      throw error;
    } finally {
      this.sending = false;
    }
  }

  /** The session is over: nobody waits any longer. */
  drop(): void {
    for (const tell of this.draft.told.splice(0)) tell(false);
  }

  private extrasOf(draft: Draft, outcome: Outcome | null): OpExtras | null {
    const parent = outcome?.kind === 'end' ? this.parentId : null;
    const { waits, closes, handOvers, children, compensating, closeAll, dropSteps } = draft;
    const none = [waits, closes, handOvers, children].every((list) => list.length === 0);
    if (none && parent === null && compensating === null && !closeAll && !dropSteps) return null;
    return {
      waits,
      closes,
      handOvers,
      children: children.map(({ start }) => ({ ...start, claim: false })),
      parent,
      compensating,
      closeAll,
      dropSteps,
      pause: null,
    };
  }
}

function empty(): Draft {
  return {
    records: [],
    waits: [],
    closes: [],
    handOvers: [],
    children: [],
    compensating: null,
    closeAll: false,
    dropSteps: false,
    told: [],
  };
}
