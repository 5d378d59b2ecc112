import { randomUUID } from 'node:crypto';
import { isUuid, type PgBulkActs, textOf } from '../durable.js';
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

const MOST_ERRORS = 100;
const BATCH = 50;
/** Of a batch at a time: each is a transaction on the app's few sessions. */
const AT_A_TIME = 4;
/** ms between two notes of how far it has come, within a batch; and without one, after which its process is gone: one run may take a minute. */
const NOTED = 5_000;
const GONE = 120_000;
/** A fault of ours says nothing of itself. */
const UNKNOWN = { code: 'INTERNAL', message: "The app's log has it." };

/**
 * Acts on many runs. Previews, and what becomes of them, are kept in the database: of several processes any may be asked for
 * the next thing. It is done in the one that took it, and what that leaves undone when it goes is told.
 */
export class BulkBook {
  private stopping = false;

  constructor(
    private readonly acts: () => Promise<PgBulkActs>,
    private readonly warn: (message: string) => void,
  ) {}

  async prepare({ ids, ...act }: Prepared): Promise<string> {
    const token = randomUUID();
    await (await this.acts()).add(token, { runs: ids, act });
    return token;
  }

  async find(token: string): Promise<Prepared | null> {
    const found = isUuid(token) ? await (await this.acts()).find(token) : null;
    return found && { ...(found.act as Omit<Prepared, 'ids'>), ids: found.runs };
  }

  async state(id: string): Promise<BulkState | null> {
    const found = isUuid(id) ? await (await this.acts()).state(id) : null;
    if (found === null) return null;
    const state = found.state as BulkState;
    return state.state === 'running' && found.silent > GONE ? { ...state, state: 'stopped' } : state;
  }

  /**
   * Begins, and returns its id. A token is good once: null where another request has used it.
   * @param one resolves to why the run was left as it is; null: it was changed
   * @param tell after each batch
   */
  async start(
    token: string,
    { ids }: Prepared,
    one: (id: string) => Promise<string | null>,
    tell: (id: string, state: BulkState) => void,
  ): Promise<string | null> {
    const job = randomUUID();
    const acts = await this.acts();
    const begun: BulkState = { done: 0, failed: 0, total: ids.length, state: 'running', errors: [] };
    if (!(await acts.begin(token, job, begun))) return null;
    const keep = async (state: BulkState): Promise<void> => {
      await acts.keep(job, state).catch((error: unknown) => {
        this.warn(`How far the act on many runs ${job} has come could not be kept: ${textOf(error)}`);
      });
    };
    void this.work(ids, one, keep, (state) => tell(job, state));
    return job;
  }

  /** Begins no further run. */
  stop(): void {
    this.stopping = true;
  }

  /** @param keep never rejects, and is called again only when it is through */
  private async work(
    ids: readonly string[],
    one: (id: string) => Promise<string | null>,
    keep: (state: BulkState) => Promise<void>,
    tell: (state: BulkState) => void,
  ): Promise<void> {
    const total = ids.length;
    let [done, failed, left] = [0, 0, 0];
    const reasons = new Map<string, number>();
    const errors: BulkState['errors'][number][] = [];
    const figures = (state: BulkState['state']): BulkState => {
      const excluded = [...reasons].map(([why, n]) => ({ why, n }));
      return { done, failed, total, state, ...(left > 0 && { excluded }), errors: [...errors] };
    };
    let [notedAt, noting] = [performance.now(), false];
    const note = async (): Promise<void> => {
      if (noting || performance.now() - notedAt < NOTED) return;
      noting = true;
      await keep(figures('running'));
      [notedAt, noting] = [performance.now(), false];
    };
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
        await note();
      }
    };
    for (let at = 0; at < total && !this.stopping; at += BATCH) {
      const queue = ids.slice(at, at + BATCH);
      await Promise.all(Array.from({ length: AT_A_TIME }, () => next(queue)));
      if (at + BATCH < total) tell(figures('running'));
    }
    const over = figures(done + failed + left < total ? 'stopped' : 'done');
    // Whoever is told that it is over asks what became of it.
    await keep(over);
    tell(over);
  }
}
