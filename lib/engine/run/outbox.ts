import { appended, type Draft, emptyDraft, NOTHING, extrasOf, partsOf } from '../journal/draft.js';
import { type ObservedRun, tellCommitted } from './observed.js';
import type { SessionDeps } from './session.js';
import type { Ack, NewRecord, Outcome, RunOp } from '../ports/store.js';
import type { WaitBook } from '../step/wait-book.js';

/** A part of what a session has to commit that the database will not have. */
export interface BadPart {
  readonly part: Draft;
  readonly error: unknown;
}

/** Result of a commit. */
export interface Sent {
  readonly ack: Ack;
  readonly records: readonly NewRecord[];
  readonly outcome: Outcome | null;
}

/** What may be put beside the records of steps. */
type Additions = Partial<Readonly<Pick<Draft, 'waits' | 'closes' | 'remoteStarts' | 'children'>>> & {
  readonly records?: readonly NewRecord[];
};

/** Who is told what became of what was sent. */
export interface CommitListener {
  committed(sent: Sent): void;
  /** It is to be salvaged. */
  refused(): void;
  broken(error: unknown): void;
}

const NONE: readonly number[] = [];

/**
 * What waits for its commit, from which on nothing further begins. What is executed and not recorded is made again after a
 * crash, and is in memory: the items of a loop, which wait for none of each other's records, would run ahead of the database.
 */
const FULL_RECORDS = 2_000;
const FULL_BYTES = 4_000_000;

/** Tries of a part for which the whole was refused: refusals for a passing reason. */
const PART_TRIES = 2;

/**
 * The commits of a session. One is under way at a time; all that comes meanwhile goes into the next one together, so that
 * arms that finish together share a commit.
 */
export class Outbox {
  /** The next commit; null: there is nothing to commit. */
  private next: Draft | null = null;
  /** Of the payloads in the draft. */
  private bytes = 0;
  /** The commit under way. */
  private sending: Draft | null = null;
  /** A commit that was refused and is not salvaged yet. */
  private refused: { readonly draft: Draft; readonly outcome: Outcome | null; readonly error: unknown } | null = null;
  /**
   * Records of this lease that the next operation builds on, by number (the last one proves that all before it are there), and
   * the last wait that was asked for where no record came after it.
   */
  after: readonly number[] = NONE;
  afterWait: string | null = null;

  constructor(
    private readonly deps: Pick<SessionDeps, 'writer' | 'clock' | 'observer'>,
    private readonly lease: Pick<RunOp, 'rowId'> & ObservedRun,
    /** Others may wait for its end. */
    private readonly isChild: boolean,
    private readonly book: Pick<WaitBook, 'committed'>,
  ) {}

  private get draft(): Draft {
    return (this.next ??= emptyDraft());
  }

  get isBusy(): boolean {
    return this.sending !== null;
  }

  /** True while a refused commit is being salvaged: nothing begins. */
  get isSalvaging(): boolean {
    return this.refused !== null;
  }

  get isEmpty(): boolean {
    return this.next === null || (this.next.records.length === 0 && !this.next.hasMore);
  }

  /** True: what is in here is to be sent, and no code of the user's to begin before. */
  get isFull(): boolean {
    return (this.next?.records.length ?? 0) >= FULL_RECORDS || this.bytes >= FULL_BYTES;
  }

  /** Records have come into the journal by another way, and what follows builds on them. `after`: what these were built on. */
  builtOn(seqs: readonly number[], after: readonly number[] = NONE): void {
    // Each look takes in all that a step on another queue has recorded so far.
    const known = new Set(this.after);
    const fresh = seqs.filter((seq) => !known.has(seq));
    if (fresh.length === 0) return;
    this.after = [...withoutAll(this.after, after), ...fresh];
  }

  add({
    records = NOTHING,
    waits = NOTHING,
    closes = NOTHING,
    remoteStarts = NOTHING,
    children = NOTHING,
  }: Additions): void {
    const { draft } = this;
    for (const record of records) this.record(record);
    draft.waits = appended(draft.waits, waits);
    draft.closes = appended(draft.closes, closes);
    draft.remoteStarts = appended(draft.remoteStarts, remoteStarts);
    draft.children = appended(draft.children, children);
    draft.hasMore ||= waits.length + closes.length + remoteStarts.length + children.length > 0;
  }

  /** Adds one record. */
  record(record: NewRecord): void {
    this.draft.records.push(record);
    this.bytes += record.output?.length ?? 0;
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

  /** Resolves when what is in the outbox now is committed; false: the lease is lost, or it was refused. */
  committed(): Promise<boolean> {
    const seq = this.draft.records.at(-1)?.seq ?? 0;
    return new Promise((tell) => {
      this.draft.told = appended(this.draft.told, [{ seq, tell }]);
    });
  }

  /** Sends what there is, with what becomes of the run. */
  send(outcome: Outcome | null, listener: CommitListener): void {
    const { draft } = this;
    const op = this.opOf(draft, outcome);
    this.next = null;
    this.bytes = 0;
    this.sending = draft;
    // No promise but the writer's: there are as many as there are steps.
    this.deps.writer.commit(op).then(
      (ack) => {
        try {
          this.took(op, ack);
          this.sending = null;
          for (const { tell } of draft.told) tell(ack.taken);
        } catch (error) {
          return listener.broken(error);
        }
        listener.committed({ ack, records: draft.records, outcome });
      },
      (error: unknown) => {
        this.refused = { draft, outcome, error };
        listener.refused();
      },
    );
  }

  /**
   * Commits what is good of a commit that was refused: one by one, or many together, what the steps have left. Where that is all,
   * the rest follows, and it is as if the whole had been taken. Else the rest, which builds on it, is dropped.
   */
  async salvage(): Promise<Sent & { readonly bad: readonly BadPart[] }> {
    const { draft, outcome, error } = this.refused ?? { draft: emptyDraft(), outcome: null, error: null };
    const { parts, rest } = partsOf(draft);
    const hasRest = rest.records.length > 0 || rest.hasMore || outcome !== null;
    const whole = !hasRest && parts.length === 1 ? parts[0] : undefined;
    let { ack, bad } = whole === undefined ? await this.save(parts) : { ack: TAKEN, bad: [{ part: whole, error }] };
    if (bad.length === 0 && ack.taken && hasRest) {
      try {
        ack = await this.write(rest, outcome);
      } catch (refusal) {
        bad = [{ part: rest, error: refusal }];
      }
    }
    if (bad.length > 0) this.next = withoutRest(this.draft);
    this.refused = null;
    this.sending = null;
    const gone = new Set(bad.flatMap(({ part }) => part.records.map(({ seq }) => seq)));
    for (const { seq, tell } of draft.told) tell(ack.taken && !gone.has(seq));
    return { ack, records: draft.records, outcome, bad };
  }

  /** Commits parts, halving them where they are refused together. */
  async save(parts: readonly Draft[]): Promise<{ ack: Ack; bad: readonly BadPart[] }> {
    const [only] = parts;
    if (only === undefined) return { ack: TAKEN, bad: [] };
    try {
      return { ack: await this.write(joined(parts), null), bad: [] };
    } catch (error) {
      if (parts.length === 1) return { ack: TAKEN, bad: [{ part: only, error }] };
    }
    const half = parts.length >> 1;
    const first = await this.save(parts.slice(0, half));
    const second = first.ack.taken ? await this.save(parts.slice(half)) : first;
    return { ack: second.ack, bad: first.ack.taken ? [...first.bad, ...second.bad] : [] };
  }

  /** The session is over: nobody waits any longer. */
  drop(): void {
    for (const draft of [this.next, this.sending]) {
      if (draft === null) continue;
      const { told } = draft;
      draft.told = NOTHING;
      for (const { tell } of told) tell(false);
    }
  }

  private async write(draft: Draft, outcome: Outcome | null): Promise<Ack> {
    const op = this.opOf(draft, outcome);
    const ack = await this.deps.writer.commit(op, PART_TRIES);
    this.took(op, ack);
    return ack;
  }

  private opOf(draft: Draft, outcome: Outcome | null): RunOp {
    const { rowId, runId, token } = this.lease;
    const { after, afterWait } = this;
    const extras = extrasOf(draft, outcome, this.isChild);
    return { rowId, runId, token, after, afterWait, records: draft.records, outcome, extras };
  }

  private took(op: RunOp, ack: Ack): void {
    if (!ack.taken) return;
    const last = op.records.at(-1)?.seq;
    const wait = op.extras?.waits.at(-1)?.id ?? null;
    if (last !== undefined || wait !== null) {
      // Records that came by another way meanwhile are kept.
      const news = this.after === op.after ? NONE : withoutAll(this.after, op.after);
      this.after = last === undefined ? news : [last, ...news];
      this.afterWait = last === undefined ? wait : null;
    }
    if (op.extras !== null) this.book.committed(op.extras);
    tellCommitted(this.deps, this.lease, op, ack);
  }
}

function withoutAll(seqs: readonly number[], gone: readonly number[]): readonly number[] {
  const left = new Set(gone);
  return seqs.filter((seq) => !left.has(seq));
}

const TAKEN: Ack = { taken: true, paused: false, watched: false, ready: false, wake: false, cancel: false };

/** The draft reduced to the records that steps have left. */
function withoutRest(draft: Draft): Draft {
  const { parts, rest } = partsOf(draft);
  const left = joined(parts);
  const gone = new Set(rest.records.map(({ seq }) => seq));
  for (const one of draft.told) {
    if (gone.has(one.seq)) one.tell(false);
    else left.told = appended(left.told, [one]);
  }
  return left;
}

function joined(parts: readonly Draft[]): Draft {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = emptyDraft();
  for (const { records, waits, closes, children, hasMore } of parts) {
    whole.records.push(...records);
    whole.waits = appended(whole.waits, waits);
    whole.closes = appended(whole.closes, closes);
    whole.children = appended(whole.children, children);
    whole.hasMore ||= hasMore;
  }
  return whole;
}
