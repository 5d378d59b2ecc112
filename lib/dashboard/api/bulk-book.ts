import { randomUUID } from 'node:crypto';
import { RequestError } from '../http/errors.js';

export const ACTS = ['retry', 'restart', 'cancel', 'pause', 'resume'] as const;
export type Act = (typeof ACTS)[number];

/** What is to be done to which runs, once somebody says so. */
export interface Prepared {
  readonly act: Act;
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
  /** Runs that were left as they are, by the reason; not there without such. */
  readonly excluded?: readonly { readonly why: string; readonly n: number }[];
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
/** A fault of ours says nothing of itself. */
const UNKNOWN = { code: 'INTERNAL', message: "The app's log has it." };

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

  /**
   * Begins, and returns its id. A token is good once: null where another request has used it.
   * @param one resolves to why the run was left as it is; null: it was changed
   * @param tell after each batch
   */
  start(
    token: string,
    { ids }: Prepared,
    one: (id: string) => Promise<string | null>,
    tell: (id: string, state: BulkState) => void,
  ): string | null {
    if (!this.previews.delete(token)) return null;
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
    one: (id: string) => Promise<string | null>,
    keep: (state: BulkState) => void,
  ): Promise<void> {
    const total = ids.length;
    let [done, failed, left] = [0, 0, 0];
    const reasons = new Map<string, number>();
    const errors: BulkState['errors'][number][] = [];
    const next = async (queue: string[]): Promise<void> => {
      for (let id = queue.shift(); id !== undefined && !this.stopping; id = queue.shift()) {
        try {
          const why = await one(id);
          if (why === null) done++;
          else {
            left++;
            reasons.set(why, (reasons.get(why) ?? 0) + 1);
          }
        } catch (error) {
          failed++;
          const { code, message } = error instanceof RequestError ? error : UNKNOWN;
          if (errors.length < MOST_ERRORS) errors.push({ id, code, message });
        }
      }
    };
    const figures = () => {
      const excluded = [...reasons].map(([why, n]) => ({ why, n }));
      return { done, failed, total, ...(left > 0 && { excluded }), errors: [...errors] };
    };
    for (let at = 0; at < total && !this.stopping; at += BATCH) {
      const queue = ids.slice(at, at + BATCH);
      await Promise.all(Array.from({ length: AT_A_TIME }, () => next(queue)));
      keep({ ...figures(), state: 'running' });
    }
    keep({ ...figures(), state: done + failed + left < total ? 'stopped' : 'done' });
  }
}
