import type { PendingStatus } from '../../core/input/pending.js';
import type { WaitKind, WaitState } from '../../core/run/wait-spec.js';

export const STATES: Readonly<Record<PendingStatus, WaitState>> = {
  pending: 'open',
  completed: 'done',
  timed_out: 'timed_out',
  cancelled: 'cancelled',
};

/** The place of a row in a list. */
export interface WaitMark {
  readonly id: string;
  /** Of the name among the wait's, from 1. */
  readonly place: number;
  /** When it times out, as the server writes it; null: never. */
  readonly due: string | null;
}

/** Which stretch of a list is read. */
export interface WaitListOptions {
  readonly status?: PendingStatus | readonly PendingStatus[];
  /**
   * `asked`: those that are open by when they were asked for, the oldest first; with others among them the newest first.
   * `timeout`: what times out first comes first; only where all are open, and of the events that were asked for first.
   */
  readonly order?: 'asked' | 'timeout';
  /** What follows that, or precedes it, the nearest first; null: from the first. */
  readonly from?: (WaitMark & { readonly way: 'next' | 'prev' }) | null;
  readonly limit?: number;
}

/** Waits for events that are looked at where they are put in the order of their timeouts: no index has that. */
const MOST_SORTED = 1_000;

/**
 * A page of waits, put together from filters; no value of a caller's stands in its text. The index of what is asked for has
 * a stretch for each state and kind, in the order in which it was asked for, and that of inputs one by timeout: as much of
 * each is read as the page may need.
 */
export class WaitList {
  readonly parameters: unknown[] = [];
  private readonly conditions: string[] = [];
  readonly states: readonly WaitState[];
  private readonly limit: string;
  private readonly back: boolean;
  private readonly byTimeout: boolean;

  constructor(private readonly options: WaitListOptions) {
    const { status = 'pending', limit = 50, order, from } = options;
    // Each is a stretch of its own: one that is named twice would be read twice.
    this.states = [...new Set(typeof status === 'string' ? [status] : status)].map((one) => STATES[one]);
    this.limit = this.parameter(limit);
    this.back = from?.way === 'prev';
    this.byTimeout = order === 'timeout' && this.states.every((state) => state === 'open');
  }

  add(value: unknown, condition: (parameter: string) => string): void {
    if (value !== undefined && value !== null) this.conditions.push(condition(this.parameter(value)));
  }

  text(kinds: readonly WaitKind[], columns: string, joined: string): string {
    const order = this.order();
    const stretches = this.states.flatMap((state) =>
      kinds.flatMap((kind) => this.stretchesOf(state, kind, columns, joined)),
    );
    return `SELECT * FROM (${stretches.join(' UNION ALL ')}) AS found ORDER BY ${order} LIMIT ${this.limit}`;
  }

  /** How many fit, as `count`, as far as the limit. @param ofRuns the conditions ask for what stands in a run's row */
  counted(kinds: readonly WaitKind[], ofRuns: boolean): string {
    const run = ofRuns ? 'JOIN durable.workflow_executions e ON e.id = w.run_id' : '';
    const stretches = this.states.flatMap((state) =>
      kinds.map((kind) => {
        const conditions = [`w.state = '${state}'`, `w.kind = '${kind}'`, ...this.conditions];
        // In the order of the index, or a scan of all waits that ever were would seem as good.
        return `(SELECT w.id FROM durable.waits w ${run}
          WHERE ${conditions.join(' AND ')} ORDER BY w.id LIMIT ${this.limit})`;
      }),
    );
    return `SELECT count(*)::integer AS count FROM (SELECT f.id FROM (${stretches.join(' UNION ALL ')}) AS f LIMIT ${this.limit}) g`;
  }

  private stretchesOf(state: WaitState, kind: WaitKind, columns: string, joined: string): string[] {
    const one = SHOWN_NAMES[`${kind} ${state}`];
    const conditions = [
      `w.state = '${state}'`,
      `w.kind = '${kind}'`,
      ...this.conditions,
      ...(one === undefined ? [] : [one]),
    ];
    // Of events the first so many are put in order.
    const source =
      this.byTimeout && kind !== 'input'
        ? `(SELECT o.* FROM durable.waits o WHERE o.state = '${state}' AND o.kind = '${kind}' ORDER BY o.id LIMIT ${MOST_SORTED})`
        : 'durable.waits';
    return this.bounds(kind).map(
      (
        bound,
      ) => `(SELECT w.id, w.run_id, e.workflow, w.path, w.state, w.due_at, w.due_at::text AS due, w.created_at, ${columns}
        FROM ${source} w JOIN durable.workflow_executions e ON e.id = w.run_id ${joined}
        WHERE ${[...conditions, ...bound].join(' AND ')} ORDER BY ${this.order('w.')} LIMIT ${this.limit})`,
    );
  }

  /** The order of the rows: ascending in what comes before what, or the other way round. */
  private order(prefix = ''): string {
    const [up, down] = this.back ? ['DESC', 'ASC'] : ['ASC', 'DESC'];
    if (this.byTimeout) {
      return `${prefix}due_at ${up} NULLS ${this.back ? 'FIRST' : 'LAST'}, ${prefix}id ${up}, place ${up}`;
    }
    return `${prefix}id ${this.newestFirst() ? down : up}, place ${up}`;
  }

  private newestFirst(): boolean {
    return this.states.some((state) => state !== 'open');
  }

  /** The conditions of what lies on the page's side of the mark, for each stretch of the index that is read. */
  private bounds(kind: WaitKind): string[][] {
    const { from } = this.options;
    const after = this.back ? '<' : '>';
    const place = kind === 'input' ? '1' : 'n.place';
    if (!this.byTimeout) {
      if (from === null || from === undefined) return [[]];
      const id = this.parameter(from.id, 'uuid');
      const beyond = this.newestFirst() ? (this.back ? '>' : '<') : after;
      const near = `w.id = ${id} AND ${place} ${after} ${this.parameter(from.place, 'integer')}`;
      return [[`w.id ${beyond}= ${id}`, `(w.id ${beyond} ${id} OR ${near})`]];
    }
    const [dated, never] = ['w.due_at IS NOT NULL', 'w.due_at IS NULL'];
    if (from === null || from === undefined) return [[dated], [never]];
    const id = this.parameter(from.id, 'uuid');
    const at = this.parameter(from.place, 'integer');
    if (from.due === null) {
      const within = [never, `(w.id, ${place}) ${after} (${id}, ${at})`];
      return this.back ? [within, [dated]] : [within];
    }
    const due = this.parameter(from.due, 'timestamptz');
    const within = [
      `(w.due_at, w.id) ${after}= (${due}, ${id})`,
      `(w.due_at, w.id, ${place}) ${after} (${due}, ${id}, ${at})`,
    ];
    return this.back ? [within] : [within, [never]];
  }

  private parameter(value: unknown, type?: string): string {
    const parameter = `$${this.parameters.push(value)}`;
    return type === undefined ? parameter : `${parameter}::${type}`;
  }
}

/** Of a waitForAny that is done, only what came is of interest; of a waitForAll that is open, what has not come. */
const SHOWN_NAMES: Readonly<Record<string, string>> = {
  'any done':
    'EXISTS (SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id = w.id AND m.name = n.name)',
  'all open':
    'NOT EXISTS (SELECT FROM durable.events m WHERE m.run_id = w.run_id AND m.wait_id IS NULL AND m.name = n.name)',
};
