import type { PreparedChild } from './children.js';
import { type ObservedRun, tellCommitted } from './observed.js';
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
  giveBack: boolean;
  dropSteps: boolean;
  /** There is something beside records. */
  hasMore: boolean;
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
    private readonly deps: Pick<SessionDeps, 'writer' | 'clock' | 'observer'>,
    private readonly lease: Pick<RunOp, 'rowId'> & ObservedRun,
    /** Others may wait for its end. */
    private readonly isChild: boolean,
  ) {}

  get isBusy(): boolean {
    return this.sending;
  }

  get isEmpty(): boolean {
    return this.draft.records.length === 0 && !this.draft.hasMore;
  }

  add(more: Partial<Pick<Draft, 'records' | 'waits' | 'closes' | 'handOvers' | 'children'>>): void {
    const { draft } = this;
    draft.records.push(...(more.records ?? []));
    for (const list of ['waits', 'closes', 'handOvers', 'children'] as const) {
      const added = more[list];
      if (added === undefined || added.length === 0) continue;
      (draft[list] as unknown[]).push(...added);
      draft.hasMore = true;
    }
  }

  /** Adds one record. */
  record(record: NewRecord): void {
    this.draft.records.push(record);
  }

  /** Marks the run as being undone, or no longer. */
  compensating(compensating: boolean): void {
    this.draft.compensating = compensating;
    this.draft.hasMore = true;
  }

  /** Closes all waits of the run. */
  closeAll(): void {
    this.draft.closeAll = true;
    this.draft.hasMore = true;
  }

  /** A further round begins: all waits of the one before are closed, and what events they took is there again. */
  beginAnew(): void {
    this.closeAll();
    this.draft.giveBack = true;
  }

  /** Takes the run's steps from other queues. */
  dropSteps(): void {
    this.draft.dropSteps = true;
    this.draft.hasMore = true;
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
      const { rowId, runId, token } = this.lease;
      const op = { rowId, runId, token, records: draft.records, outcome, extras };
      const ack = await this.deps.writer.commit(op);
      if (ack.taken) tellCommitted(this.deps, this.lease, op, ack);
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
    const awaited = this.isChild && outcome?.kind === 'end';
    if (!draft.hasMore && !awaited) return null;
    const closed = new Set(draft.closes);
    const { closes, handOvers, children, compensating, closeAll, giveBack, dropSteps } = draft;
    return {
      // The statement closes waits that are there before it: one that is asked for and closed at once is none.
      waits: closeAll ? [] : draft.waits.filter((wait) => !closed.has(wait.id)),
      closes,
      handOvers,
      children: children.map(({ start }) => start),
      awaited,
      compensating,
      closeAll,
      giveBack,
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
    giveBack: false,
    dropSteps: false,
    hasMore: false,
    told: [],
  };
}
