import { Loop } from './loop.js';
import type { InFlightAttempt, Session } from './session.js';
import type { EngineStore } from './store.js';

/**
 * All that this process holds. Compares it with what the database says it holds: a row that is ours there and unknown
 * here (the answer to its claim was lost) goes back; one that is ours here only was cancelled or taken.
 */
export class Sessions {
  private readonly rows = new Map<string, { session: Session; queue: string }>();
  private readonly runs = new Map<string, number>();
  /** Rows held without being known at the last look, with their tokens. */
  private strangers = new Map<string, number>();
  private emptied: (() => void)[] = [];
  private watcher: Loop | null = null;
  private looked = false;

  constructor(
    private readonly store: EngineStore,
    private readonly worker: () => number,
    private readonly onFree: (queue: string, rowId: string) => void,
  ) {}

  /** Sets a session to work; its place in the queue is freed when it is over. */
  open(session: Session, queue: string): void {
    this.rows.set(session.rowId, { session, queue });
    this.runs.set(session.runId, (this.runs.get(session.runId) ?? 0) + 1);
    void session.run().then(() => {
      if (this.rows.get(session.rowId)?.session === session) this.rows.delete(session.rowId);
      const left = (this.runs.get(session.runId) ?? 1) - 1;
      if (left === 0) this.runs.delete(session.runId);
      else this.runs.set(session.runId, left);
      this.onFree(queue, session.rowId);
      if (this.rows.size === 0) for (const resolve of this.emptied.splice(0)) resolve();
    });
  }

  hasRun(runId: string): boolean {
    return this.runs.has(runId);
  }

  inFlight(runId?: string): InFlightAttempt[] {
    return this.all()
      .filter((session) => runId === undefined || session.runId === runId)
      .flatMap((session) => session.inFlight());
  }

  loseAll(reason: Error): void {
    for (const session of this.all()) session.lose(reason);
  }

  abortAll(reason: Error): void {
    for (const session of this.all()) session.abort(reason);
  }

  watch(interval: number, onTrouble: (message: string) => void): void {
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

  private all(): Session[] {
    return [...this.rows.values()].map(({ session }) => session);
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
    // One look after the last session is gone finds what was claimed without our knowing.
    if (this.rows.size === 0 && this.looked && this.strangers.size === 0) return null;
    const before = new Map([...this.rows].map(([rowId, { session }]) => [rowId, session]));
    const held = await this.store.held(this.worker());
    for (const [rowId, session] of before) {
      if (held.get(rowId) !== session.token && this.rows.get(rowId)?.session === session) {
        session.lose(new Error(`Run ${session.runId} was cancelled, or another worker has taken it`));
      }
    }
    const strangers = new Map([...held].filter(([rowId]) => !this.rows.has(rowId)));
    // Twice in a row: the answer to a claim may just be on its way.
    const lost = [...strangers].filter(([rowId, token]) => this.strangers.get(rowId) === token);
    this.strangers = strangers;
    this.looked = before.size === 0;
    if (lost.length > 0) {
      await this.store.release(
        this.worker(),
        lost.map(([rowId, token]) => ({ rowId, token })),
      );
    }
    return null;
  }
}
