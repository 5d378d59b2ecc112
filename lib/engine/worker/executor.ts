import { Cells } from './cells.js';
import { Loop } from '../time/loop.js';
import type { Session } from '../run/session.js';
import type { InFlight } from '../../core/run/execution.js';
import type { EngineStore, LeasedRow } from '../ports/store.js';
import type { Telemetry } from '../ports/telemetry.js';

/** Runs that are remembered as asked for while a claim hangs, in which those of all processes are told. */
const MOST_ASKED = 10_000;

/**
 * Executes what this process has leased: a session for each row. They are compared with the database's leases: a row that
 * is ours there and unknown here (the answer to its claim was lost) is given back; one that is ours here only was cancelled
 * or recovered.
 */
export class Executor {
  private readonly rows = new Cells<Session>();
  /** How many of these are steps of a run's on other queues, by run. */
  private readonly steps = new Map<string, number>();
  /** Unknown rows of the last look. */
  private unknownRows = new Map<string, UnknownRow>();
  private emptied: (() => void)[] = [];
  private watcher: Loop | null = null;
  /** True: there may be leased rows: there were at the last look, or the answer to a claim was lost since. */
  private suspecting = true;
  private claims = 0;
  private losses = 0;
  /** Claims whose rows are not open yet, by their number. */
  private readonly claiming = new Set<number>();
  /**
   * Runs of which something was asked while there were such claims, with the number of the last claim then, the oldest first: what
   * such a claim has read of them may be from before.
   */
  private readonly asked = new Map<string, number>();
  /** There were more, the last at that claim: it may have been any run. */
  private askedMore = 0;

  constructor(
    private readonly store: EngineStore,
    private readonly worker: () => number,
    private readonly onFree: (queue: string, rowId: string) => void,
    private readonly onReleased: (queues: readonly string[]) => void,
    private readonly telemetry?: Telemetry,
  ) {}

  /** Around everything that takes rows for this process, until they are open: so that they are not unknownRows. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const claim = ++this.claims;
    this.claiming.add(claim);
    try {
      return await work();
    } catch (error) {
      this.suspectOrphans();
      throw error;
    } finally {
      this.claiming.delete(claim);
      this.forgetAsked();
    }
  }

  /** True while a claimed row is not open yet. */
  get isTaking(): boolean {
    return this.claiming.size > 0;
  }

  /** Looks for unknown rows, which may be there. */
  suspectOrphans(): void {
    this.suspecting = true;
  }

  /** Sets a session to work; its place in the queue is freed when it is over. */
  open(session: Session): void {
    this.suspecting = true;
    this.rows.set(session.rowId, session);
    this.countStep(session, 1);
    if (this.asked.delete(session.runId) || this.askedMore > 0) void this.look();
    session.start(this.left);
  }

  /** Ends the session of a row that was claimed anew, if its lease is no earlier one. True: both have one number. */
  displace({ rowId, token }: { readonly rowId: string; readonly token: number }): boolean {
    const present = this.rows.get(rowId);
    if (present === undefined || present.token < token) return false;
    present.lose(new Error(`Run ${present.runId} was claimed again: a failover has lost its lease`));
    return present.token === token;
  }

  /** Something that a run waits for has come. False: the run is not here. */
  refresh(runId: string): boolean {
    const session = this.rows.get(runId);
    session?.refresh();
    if (session === undefined) this.expect(runId);
    return session !== undefined;
  }

  /** Something was asked of a run that is not here: looked for when a claim that is under way brings it. */
  expect(runId: string): void {
    if (!this.isTaking) return;
    this.asked.delete(runId);
    if (this.asked.size < MOST_ASKED) this.asked.set(runId, this.claims);
    else this.askedMore = this.claims;
  }

  /** Leased runs that wait, and whose ended waits are not being read just now. */
  waiting(): string[] {
    return this.all()
      .filter((session) => session.heard() !== null)
      .map((session) => session.runId);
  }

  /** True when the run still waits here, and knows nothing of that end of a wait. */
  hasMissed(runId: string, ended: number): boolean {
    const heard = this.rows.get(runId)?.heard() ?? null;
    return heard !== null && heard < ended;
  }

  /** Leased rows. */
  get count(): number {
    return this.rows.size;
  }

  hasRun(runId: string): boolean {
    return this.rows.has(runId) || this.steps.has(runId);
  }

  /** True while every session is in the code of a step: nothing is read, written or decided. */
  get allInSteps(): boolean {
    return this.all().every((session) => session.inFlight().length > 0);
  }

  inFlight(runId?: string): InFlight[] {
    return this.all()
      .filter((session) => runId === undefined || session.runId === runId)
      .flatMap((session) => session.inFlight());
  }

  /** How often all leases were lost at once. */
  get timesLost(): number {
    return this.losses;
  }

  loseAll(reason: Error): void {
    this.losses++;
    for (const session of this.all()) session.lose(reason);
  }

  abortAll(reason: Error): void {
    for (const session of this.all()) session.abort(reason);
  }

  watch(interval: number, onTrouble: (message: string, cause?: unknown) => void): void {
    this.watcher = new Loop('Looking after the leases', interval, () => this.compare(), onTrouble);
    this.watcher.start();
  }

  async unwatch(): Promise<void> {
    await this.watcher?.stop();
  }

  async look(): Promise<void> {
    await this.watcher?.poke();
  }

  /** Lets attempts finish for so long, then aborts them and gives the rows back. */
  async drain(timeout: number, lastCommits: number): Promise<void> {
    for (const session of this.all()) session.handBack();
    if (await this.empty(timeout)) return;
    const reason = new Error('The process is shutting down');
    for (const session of this.all()) session.handBackNow(reason);
    if (await this.empty(lastCommits)) return;
    this.loseAll(reason);
  }

  /** What was asked before the oldest of the claims under way. */
  private forgetAsked(): void {
    const [oldest = Infinity] = this.claiming;
    for (const [runId, claim] of this.asked) {
      if (claim >= oldest) break;
      this.asked.delete(runId);
    }
    if (this.askedMore < oldest) this.askedMore = 0;
  }

  private readonly left = (session: Session): void => {
    const { rowId, queue } = session;
    if (this.rows.get(rowId) === session) this.rows.delete(rowId);
    this.countStep(session, -1);
    this.onFree(queue, rowId);
    if (this.rows.size === 0) for (const resolve of this.emptied.splice(0)) resolve();
  };

  /** A run's own row has its id. */
  private countStep({ rowId, runId }: Session, by: 1 | -1): void {
    if (rowId === runId) return;
    const count = (this.steps.get(runId) ?? 0) + by;
    if (count === 0) this.steps.delete(runId);
    else this.steps.set(runId, count);
  }

  private all(): Session[] {
    return this.rows.values();
  }

  private async empty(timeout: number): Promise<boolean> {
    if (this.rows.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeout)));
    await Promise.race([new Promise<void>((resolve) => this.emptied.push(resolve)), late]);
    clearTimeout(timer);
    return this.rows.size === 0;
  }

  private async compare(): Promise<null> {
    if (this.rows.size === 0 && !this.suspecting && this.unknownRows.size === 0) return null;
    const before = new Map(this.all().map((session) => [session.rowId, session]));
    this.suspecting = before.size > 0;
    const asked = performance.now();
    try {
      await this.reconcile(before, await this.store.leasedRows(this.worker()), asked);
    } catch (error) {
      this.suspecting = true;
      throw error;
    }
    return null;
  }

  /** @param asked performance.now() when it was asked which rows are leased */
  private async reconcile(
    before: ReadonlyMap<string, Session>,
    leased: ReadonlyMap<string, LeasedRow>,
    asked: number,
  ): Promise<void> {
    for (const [rowId, session] of before) {
      if (this.rows.get(rowId) !== session) continue;
      const row = leased.get(rowId);
      if (row?.token !== session.token) {
        this.telemetry?.lost(1);
        session.lose(new Error(`Run ${session.runId} was cancelled, or another worker has taken it`));
      } else {
        session.rowSaid(row.paused, asked);
        if (row.cancel !== null) session.cancel(row.cancel);
        if (row.wake) session.refresh();
      }
    }
    const known = this.unknownRows;
    this.unknownRows = new Map();
    const lost: { rowId: string; token: number }[] = [];
    for (const [rowId, { token }] of leased) {
      if (this.rows.has(rowId)) continue;
      const seen = known.get(rowId);
      const claims = seen?.token === token ? seen.claims : this.claims;
      this.unknownRows.set(rowId, { token, claims });
      // Seen before, and none of the claims of that time is still on its way.
      if (seen?.token === token && [...this.claiming].every((claim) => claim > claims)) lost.push({ rowId, token });
    }
    if (lost.length === 0) return;
    const { queues } = await this.store.release(this.worker(), lost, true);
    this.onReleased(queues);
  }
}

interface UnknownRow {
  readonly token: number;
  /** Claims that there had been when it was first seen. */
  readonly claims: number;
}
