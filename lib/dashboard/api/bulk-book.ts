import { randomUUID } from 'node:crypto';
import { isDurableError, read, textOf } from '../durable.js';

/** What is to be done to which runs, once somebody says so. */
export interface Prepared {
  readonly act: string;
  /** The runs that it can be done to. */
  readonly ids: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly q: string | null;
}

export interface BulkState {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly state: 'running' | 'done' | 'stopped';
  /** The first hundred. */
  readonly errors: readonly { readonly id: string; readonly code: string; readonly message: string }[];
}

/** ms that a preview may be acted on, and that what became of it is known. */
const PREVIEW_LASTS = 600_000;
const MOST_KEPT = 100;
const MOST_ERRORS = 100;
const BATCH = 50;
/** Of a batch at a time: each is a transaction on the app's few sessions. */
const AT_A_TIME = 4;

/** Acts on many runs, in this process: what it leaves undone when it goes is told. */
export class BulkBook {
  private readonly previews = new Map<string, { readonly prepared: Prepared; readonly until: number }>();
  private readonly jobs = new Map<string, BulkState>();
  private stopping = false;

  prepare(prepared: Prepared): string {
    const now = performance.now();
    for (const [token, { until }] of this.previews) {
      if (until < now || this.previews.size >= MOST_KEPT) this.previews.delete(token);
    }
    const token = randomUUID();
    this.previews.set(token, { prepared, until: now + PREVIEW_LASTS });
    return token;
  }

  find(token: string): Prepared | null {
    const found = this.previews.get(token);
    return found === undefined || found.until < performance.now() ? null : found.prepared;
  }

  state(id: string): BulkState | null {
    return this.jobs.get(id) ?? null;
  }

  /** Begins, and returns its id. A token is good once. @param tell after each batch */
  start(
    token: string,
    { ids }: Prepared,
    one: (id: string) => Promise<void>,
    tell: (id: string, state: BulkState) => void,
  ): string {
    this.previews.delete(token);
    const job = randomUUID();
    for (const [id, { state }] of this.jobs) {
      if (this.jobs.size >= MOST_KEPT && state !== 'running') this.jobs.delete(id);
    }
    this.jobs.set(job, { done: 0, failed: 0, total: ids.length, state: 'running', errors: [] });
    void this.work(ids, one, (state) => {
      this.jobs.set(job, state);
      tell(job, state);
    });
    return job;
  }

  /** Begins no further batch. */
  stop(): void {
    this.stopping = true;
  }

  private async work(
    ids: readonly string[],
    one: (id: string) => Promise<void>,
    keep: (state: BulkState) => void,
  ): Promise<void> {
    const total = ids.length;
    let [done, failed] = [0, 0];
    const errors: BulkState['errors'][number][] = [];
    const next = async (queue: string[]): Promise<void> => {
      for (let id = queue.shift(); id !== undefined && !this.stopping; id = queue.shift()) {
        try {
          await one(id);
          done++;
        } catch (error) {
          failed++;
          // A fault of ours says nothing of itself.
          const known = isDurableError(error);
          const message = known ? textOf(error) : "The app's log has it.";
          if (errors.length < MOST_ERRORS)
            errors.push({ id, code: known ? String(read(error, 'code')) : 'INTERNAL', message });
        }
      }
    };
    for (let at = 0; at < total && !this.stopping; at += BATCH) {
      const queue = ids.slice(at, at + BATCH);
      await Promise.all(Array.from({ length: AT_A_TIME }, () => next(queue)));
      keep({ done, failed, total, state: 'running', errors: [...errors] });
    }
    keep({ done, failed, total, state: done + failed < total ? 'stopped' : 'done', errors });
  }
}
