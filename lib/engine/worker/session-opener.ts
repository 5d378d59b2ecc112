import { setImmediate } from 'node:timers/promises';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { referencedRecords } from '../../core/run/machine.js';
import { remoteSteps, type RunState, seqOf } from '../../core/run/run-state.js';
import { textOf } from '../../core/text-of.js';
import { RemoteStepSession } from '../run/remote-step-session.js';
import { IdleSession } from '../run/idle-session.js';
import { tellClaimed } from '../run/observed.js';
import { pauseAsItIs } from '../run/pause-as-it-is.js';
import type { RegisteredWorkflow, Registry } from '../ports/registry.js';
import { readAfter, restore, snapshotOf } from '../journal/restore.js';
import { WaitBook } from '../step/wait-book.js';
import { RunSession } from '../run/run-session.js';
import { RunValues } from '../step/run-values.js';
import type { Session, SessionDeps } from '../run/session.js';
import type { Executor } from './executor.js';
import { StoreError } from '../ports/store.js';
import type { ClaimedRow, RemoteStep, JournalRecord, RecordRange, TakenWait } from '../ports/store.js';

/** Records read by number together with the claim. */
const MOST_AT_ONCE = 500;
/** Resumed runs of a claim that are opened in one macrotask: what they do next is on its way while the others are opened. */
const SLICE = 50;

/** Runs in a row whose reading the server refuses, each by itself: it would refuse that of others too. */
const MOST_REFUSED = 3;

/** Turns rows that this process has claimed into sessions: reads what a resumed run needs, all rows of a claim at once. */
export class SessionOpener {
  /** Definitions of other versions of the code; they never change. */
  private readonly stored = new Map<number, WorkflowDefinition>();

  constructor(
    private readonly deps: SessionDeps,
    private readonly registry: Registry,
    private readonly sessions: Executor,
  ) {}

  /**
   * Sets rows from the queue to work; gives those that are. A run that cannot be read is paused with the error, and harms
   * no other. What needs no reading is at work before this returns its promise.
   * @param timesLost how often all leases had been lost when their claim was sent
   * @throws StoreError when the database cannot be asked, and nothing was set to work
   */
  async openClaimed(rows: readonly ClaimedRow[], timesLost: number): Promise<readonly ClaimedRow[]> {
    if (this.areLost(timesLost)) return [];
    const opened: ClaimedRow[] = [];
    const resumed: ClaimedRow[] = [];
    for (const row of rows) {
      const isDoubled = this.isDoubled(row);
      if (!isDoubled && row.fresh) this.openFresh(row);
      (isDoubled || row.fresh ? opened : resumed).push(row);
    }
    if (resumed.length === 0) return opened;
    try {
      for (const part of [resumed.filter(isRead), resumed.filter((row) => !isRead(row))]) {
        if (part.length > 0) await this.openResumed(part, opened, timesLost);
      }
    } catch (error) {
      if (opened.length === 0) throw error;
      // The rows that are left are unknown here: reconcile gives them back.
      this.sessions.suspectOrphans();
      this.deps.onTrouble(`Could not read claimed runs; retrying: ${textOf(error)}`, error);
    }
    return opened;
  }

  private openFresh(row: ClaimedRow): void {
    try {
      const workflow = this.workflowOf(row);
      const { definition } = workflow;
      const restored = restore(row, null, { ranBy: definition, own: definition }, this.valuesOf(row, []), []);
      tellClaimed(this.deps, row);
      this.sessions.open(new RunSession(this.deps, workflow, row, restored, new WaitBook()));
    } catch (error) {
      this.openUnreadable(row, error);
    }
  }

  /**
   * `opened` gets those that are at work.
   * @param timesLost how often all leases had been lost when they were claimed
   */
  private async openResumed(rows: readonly ClaimedRow[], opened: ClaimedRow[], timesLost: number): Promise<void> {
    const stored = rows.map(storedRow);
    const given = rows[0]?.read;
    if (given !== undefined) this.deps.clock.follow(given.now, given.asked);
    let read;
    try {
      read = await this.readResumed(stored.filter((one): one is StoredRow => !('error' in one) && !isRead(one.row)));
    } catch (error) {
      const isRejected = !(error instanceof StoreError) || error.kind === 'rejected';
      if (!isRejected && !isRefusal(error)) throw error;
      // What one of them has stored cannot be read, or is too much: each for itself.
      if (rows.length > 1) return this.openEach(rows, opened, timesLost);
      for (const row of rows) {
        if (!isRejected && !(await this.isGivenUp(row))) throw error;
        this.openUnreadable(row, isRejected ? error : new UnreadableRunError(row.recoveries + 1, error));
      }
      opened.push(...rows);
      return;
    }
    for (const [at, one] of stored.entries()) {
      if (at > 0 && at % SLICE === 0) await setImmediate();
      if (this.areLost(timesLost)) return;
      const { row } = one;
      const { records = read.records.get(row.rowId) ?? [], waits = read.waits.get(row.runId) ?? null } = row.read ?? {};
      if ('error' in one) this.openUnreadable(row, one.error);
      else await this.openRead(one, records, waits);
      opened.push(row);
    }
  }

  /** @throws StoreError when the server has refused to read one for a passing reason; all others are at work */
  private async openEach(rows: readonly ClaimedRow[], opened: ClaimedRow[], timesLost: number): Promise<void> {
    const refusals: unknown[] = [];
    let inARow = 0;
    for (const row of rows) {
      if (this.areLost(timesLost)) return;
      try {
        await this.openResumed([row], opened, timesLost);
        inARow = 0;
      } catch (error) {
        refusals.push(error);
        if (!isRefusal(error) || ++inARow === MOST_REFUSED) throw error;
      }
    }
    if (refusals.length > 0) throw refusals[0];
  }

  /**
   * True of a run that the server has refused to read for a passing reason as often as its worker may crash, while it reads for
   * others: given back once more it would be claimed and refused without end.
   */
  private async isGivenUp({ definitionId, recoveries }: ClaimedRow): Promise<boolean> {
    const most = this.registry.byId(definitionId)?.definition.maxRecoveries ?? Infinity;
    if (recoveries < most) return false;
    try {
      await this.deps.store.readLeased(this.deps.worker(), [], []);
      return true;
    } catch {
      return false;
    }
  }

  /** True: their leases are others' by now, or will be: no step begins under them. */
  private areLost(timesLost: number): boolean {
    if (this.sessions.timesLost === timesLost) return false;
    this.sessions.suspectOrphans();
    return true;
  }

  private async openRead(
    { row, snapshot }: StoredRow,
    records: readonly JournalRecord[],
    waits: readonly TakenWait[] | null,
  ) {
    try {
      const session = await this.session(row, snapshot, records, waits);
      tellClaimed(this.deps, row);
      this.sessions.open(session);
    } catch (error) {
      // The definition of another version could not be asked for.
      if (error instanceof StoreError && error.kind !== 'rejected') throw error;
      this.openUnreadable(row, error);
    }
  }

  private openUnreadable(row: ClaimedRow, error: unknown): void {
    this.openIdle(row, (isOver) => pauseAsItIs(this.deps, row, error, isOver));
  }

  /**
   * True when this process has it already: a failover has lost that lease, and the row was claimed again. Where both leases
   * have one fencing token, writes under the old one would pass for the new one's: the row is given back, and the next claim
   * has the next token.
   */
  private isDoubled(row: ClaimedRow): boolean {
    if (!this.sessions.displace(row)) return false;
    const { store, worker, onDue } = this.deps;
    this.openIdle(row, async () => {
      await store.release(worker(), [row], false);
      onDue(row.queue, 0);
    });
    return true;
  }

  private openIdle(row: ClaimedRow, work: (isOver: () => boolean) => Promise<unknown>): void {
    this.sessions.open(new IdleSession(row, work, this.deps.onTrouble));
  }

  private async session(
    row: ClaimedRow,
    snapshot: RunState | null,
    records: readonly JournalRecord[],
    waits: readonly TakenWait[] | null,
  ): Promise<Session> {
    const workflow = this.workflowOf(row);
    const values = this.valuesOf(row, records);
    if (row.step !== null) return new RemoteStepSession(this.deps, workflow, row, values, records);
    const definitions = { ranBy: await this.definition(row.ranBy), own: workflow.definition };
    const restored = restore(row, snapshot, definitions, values, records);
    // Its steps on other queues may have ended while its waits were read.
    const known = remoteSteps(restored.state).length > 0 ? null : waits;
    return new RunSession(this.deps, workflow, row, restored, known === null ? null : new WaitBook(known));
  }

  private valuesOf(row: ClaimedRow, records: readonly JournalRecord[]): RunValues {
    return new RunValues(this.deps.store, row.runId, row.input, records);
  }

  private async readResumed(stored: readonly StoredRow[]) {
    const records = new Map<string, JournalRecord[]>(stored.map(({ row }) => [row.rowId, []]));
    if (stored.length === 0) return { waits: new Map<string, TakenWait[]>(), records };
    const runs = stored.filter(({ row }) => row.step === null).map(({ row }) => row.runId);
    const ranges = stored.map(({ range }) => range);
    const asked = performance.now();
    const read = await this.deps.store.readLeased(this.deps.worker(), runs, ranges);
    this.deps.clock.follow(read.now, asked);
    for (const { rowId, ...record } of read.records) records.get(rowId)?.push(record);
    return { waits: read.waits, records };
  }

  private async definition(id: number): Promise<WorkflowDefinition> {
    const known = this.registry.byId(id)?.definition ?? this.stored.get(id);
    if (known !== undefined) return known;
    const definition = await this.deps.store.loadDefinition(id);
    this.stored.set(id, definition);
    return definition;
  }

  private workflowOf(row: ClaimedRow): RegisteredWorkflow {
    const workflow = this.registry.byId(row.definitionId);
    if (workflow === undefined) throw new Error(`Definition ${row.definitionId} is not one of this process`);
    return workflow;
  }
}

/** The server reads for others, and refuses to read this run again and again. */
class UnreadableRunError extends Error {
  override name = 'UnreadableRunError';

  constructor(times: number, cause: unknown) {
    super(
      `The server has refused ${times === 1 ? 'once' : `${times} times in a row`} to read what the run has stored: ${textOf(cause)}. ` +
        'Look for what is large or damaged among its waits and records and mend it, then resume the run.',
      { cause },
    );
  }
}

/** The server has refused it for a passing reason: it took too long, or lacked room for it. */
function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && (error.kind === 'retry' || error.kind === 'scarce');
}

/** What it needs came with the claim. */
function isRead({ read }: ClaimedRow): boolean {
  return read !== undefined;
}

/** A row with what its stored state says, or why that cannot be read. */
type Stored = StoredRow | { readonly row: ClaimedRow; readonly error: unknown };

interface StoredRow {
  readonly row: ClaimedRow;
  readonly snapshot: RunState | null;
  /** The records that it needs besides. */
  readonly range: RecordRange;
}

function storedRow(row: ClaimedRow): Stored {
  try {
    const snapshot = row.step === null ? snapshotOf(row) : null;
    return { row, snapshot, range: rangeOf(row, snapshot) };
  } catch (error) {
    return { row, error };
  }
}

function rangeOf(row: ClaimedRow, snapshot: RunState | null): RecordRange {
  const { rowId, runId } = row;
  if (row.step !== null) {
    const { nextSeq, end, data, once } = JSON.parse(row.step) as RemoteStep;
    const also = [seqOf(data), ...Object.values(once)].filter((seq) => seq > 0);
    return { rowId, runId, after: nextSeq - 1, upTo: end - 1, also };
  }
  // Of a long loop with very many open items the rest is read when it is needed.
  const also = snapshot === null ? [] : referencedRecords(snapshot).slice(0, MOST_AT_ONCE);
  return { rowId, runId, after: readAfter(row, snapshot), upTo: null, also };
}
