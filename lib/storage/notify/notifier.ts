import type { Query } from '../connection/transaction.js';

/** Interest of a process in events; `ask`: other processes are to announce theirs. */
export interface EventInterest {
  readonly ask?: true;
  readonly all?: boolean;
  readonly inputs?: boolean;
  readonly schedules?: boolean;
  /** Runs of which every event is wanted; '*': all of them. */
  readonly runs?: readonly string[] | '*';
}

/** A hint from a process to all: look now, rather than at the next poll. */
export interface Hint {
  /** Queues that got claimable rows, each with the number by which the processes agree on which of them looks; 0: all. */
  readonly q?: readonly (readonly [queue: string, draw: number])[];
  /** Runs that have ended. */
  readonly d?: readonly string[];
  /** Runs whose holder should look for what was asked of them: cancel, pause, events. */
  readonly c?: readonly string[];
  /** Events were sent in a caller's transaction: somebody should look whether a wait asks for them. */
  readonly e?: true;
  /** Queues that got rows which are due later: when, stands in the rows. */
  readonly t?: readonly string[];
  /** Queues whose settings have changed. */
  readonly s?: readonly string[];
  /** Interest of the sending process in events, or its question for those of others. */
  readonly o?: EventInterest;
  /** Tag of the process that sent it. */
  readonly w: string;
}

type Kind = 'd' | 'c' | 't' | 's';

/** What waits to be sent, by kind. */
export interface Waiting extends Partial<Readonly<Record<Kind, Iterable<string>>>> {
  readonly q?: Iterable<readonly [queue: string, draw: number]>;
}

/** PostgreSQL refuses a payload of 8 000 bytes. */
const MAX_BYTES = 7_500;
/** Of one kind, waiting to be sent: a process that cannot send must not pile them up. */
const MAX_WAITING = 10_000;

/**
 * NOTIFY takes a lock of the whole database cluster at commit. The pool's own patience with locks (250 ms) would lose what
 * is sent while many do.
 */
const NOTIFY = `
  SELECT pg_notify($1, payload)
  FROM (SELECT set_config('lock_timeout', '3s', true)) AS patience, unnest($2::text[]) AS payload`;

/** Sends payloads on a channel: one statement, one commit, however many. */
export async function notify(query: Query, channel: string, payloads: readonly string[]): Promise<void> {
  await query(NOTIFY, [channel, payloads]);
}

/**
 * Sends hints, beside the commits of runs, which shall not wait for what NOTIFY waits for. At most one statement is in
 * flight; the next carries all that came in meanwhile. What cannot be sent is dropped, since a lost hint costs a poll
 * interval and nothing else.
 */
export class Notifier {
  readonly #queues = new Map<string, number>();
  readonly #waiting: Record<Kind, Set<string>> = {
    d: new Set(),
    c: new Set(),
    t: new Set(),
    s: new Set(),
  };
  #sending: Promise<void> | null = null;
  #closed = false;

  constructor(
    private readonly query: Query,
    private readonly channel: string,
    private readonly tag: string,
  ) {}

  /** The queue has something to claim. `draw`: by which the processes agree on which of them looks; 0: all look. */
  hint(queue: string, draw: number): void {
    if (this.#closed || this.#queues.size >= MAX_WAITING) return;
    this.#queues.set(queue, this.#queues.get(queue) === 0 ? 0 : draw);
    this.#sending ??= this.#sendAll();
  }

  /** The run has ended. */
  done(executionId: string): void {
    this.#add('d', executionId);
  }

  /** Something was asked of the run. */
  control(executionId: string): void {
    this.#add('c', executionId);
  }

  /** The queue has something that is due later. */
  later(queue: string): void {
    this.#add('t', queue);
  }

  /** The queue's settings have changed. */
  settings(queue: string): void {
    this.#add('s', queue);
  }

  /** Sends one payload as it is; unlike hints it throws when that fails. */
  async send(payloads: readonly string[]): Promise<void> {
    await notify(this.query, this.channel, payloads);
  }

  /** Sends what waits, within 1 s. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#sending, new Promise((resolve) => (timer = setTimeout(resolve, 1_000)))]);
    clearTimeout(timer);
  }

  #add(kind: Kind, value: string): void {
    const waiting = this.#waiting[kind];
    if (this.#closed || waiting.size >= MAX_WAITING) return;
    waiting.add(value);
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    // Hints of the same macrotask go along: the acknowledgements of one group, for one.
    await new Promise((resolve) => setImmediate(resolve));
    for (let payloads = this.#take(); payloads.length > 0; payloads = this.#take()) {
      await this.send(payloads).catch(() => {});
    }
    this.#sending = null;
  }

  #take(): string[] {
    const payloads = packHints({ ...this.#waiting, q: this.#queues }, this.tag);
    for (const waiting of [...Object.values(this.#waiting), this.#queues]) waiting.clear();
    return payloads;
  }
}

/** As few payloads as hold everything, each within the limit. A value too long for one is left out. */
export function packHints(values: Waiting, tag: string): string[] {
  const payloads: string[] = [];
  const empty = ascii({ w: tag }).length;
  let hint: Partial<Record<keyof Waiting, unknown[]>> = {};
  let size = empty;
  const flush = () => {
    if (size > empty) payloads.push(ascii({ ...hint, w: tag }));
    hint = {};
    size = empty;
  };
  for (const kind of ['c', 'd', 's', 'q', 't'] as const) {
    for (const value of values[kind] ?? []) {
      // The value and its comma; room for `"q":[],` is counted each time, to keep the sum simple.
      const bytes = ascii(value).length + 8;
      if (empty + bytes > MAX_BYTES) continue;
      if (size + bytes > MAX_BYTES) flush();
      (hint[kind] ??= []).push(value);
      size += bytes;
    }
  }
  flush();
  return payloads;
}

/**
 * Hint of a caller's transaction that sends events. It names no run: the server drops a payload that is the same as
 * one before it in the transaction, so that a thousand events are one hint.
 */
export function unmatchedEventsHint(tag: string): string {
  return ascii({ e: true, w: tag } satisfies Hint);
}

/** The hint in a payload; null: it is not one of ours. */
export function readHint(payload: string): Hint | null {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { w, q = [], d, c, t, s, e, o } = value as Partial<Record<keyof Hint, unknown>>;
  const lists = [d, c, t, s].every((list) => list === undefined || (Array.isArray(list) && list.every(isString)));
  const queues = Array.isArray(q) && q.every(isDrawn);
  const rest = (e === undefined || e === true) && (o === undefined || isInterest(o));
  return isString(w) && lists && queues && rest ? (value as Hint) : null;
}

function isDrawn(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isString(value[0]) && Number.isSafeInteger(value[1]);
}

function isInterest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { runs = [] } = value as Partial<Record<keyof EventInterest, unknown>>;
  return runs === '*' || (Array.isArray(runs) && runs.every(isString));
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

/** JSON in ASCII: any database encoding can hold it, and its length is its bytes. */
export function ascii(value: unknown): string {
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
