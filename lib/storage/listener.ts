import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { SteadyClient } from './connection.js';
import type { DatabaseTarget } from './database-target.js';
import { type EventWish, Notifier, readHint, type Hint } from './notifier.js';

export type { Hint } from './notifier.js';

/** ms */
const FIRST_RETRY = 100;
const LAST_RETRY = 2_000;
const PROBE_INTERVAL = 10_000;
const PROBE_TIMEOUT = 5_000;
const ECHO_TIMEOUT = 2_000;

export interface ListenerOptions {
  readonly schema: string;
  /**
   * ms between looks whether the session still answers: an idle connection does not notice a silent network. Default:
   * 10 000.
   */
  readonly probeIntervalMs?: number;
  /** ms the session has to answer such a look. Default: 5 000. */
  readonly probeTimeoutMs?: number;
}

export interface ListenerEvents {
  /** The session listens. After a 'down': hints were lost meanwhile, so poll once. */
  up: [];
  /** The session is gone; it is being opened again. */
  down: [error: Error];
}

/** Gets the hint, and whether this process sent it itself. */
export type HintSubscriber = (hint: Hint, own: boolean) => void;

/**
 * The one session of a process that other processes can see: it listens for hints, and its name in pg_stat_activity
 * tells the others that the process is alive. It needs a direct connection (no pooler); `detectPooler` tells. Hints
 * are sent on a second connection, so that a commit lock never delays what is received.
 */
export class Listener extends EventEmitter<ListenerEvents> {
  /** application_name of the listening session; no other session has it. */
  readonly sessionName = `nest-durable:${randomUUID()}`;
  /** Marks this process's own hints. */
  readonly tag = randomUUID().slice(0, 8);
  readonly channel: string;
  readonly #client: SteadyClient;
  readonly #notifier: Notifier;
  readonly #subscribers = new Set<HintSubscriber>();
  readonly #probeInterval: number;
  #echo: { readonly nonce: string; readonly heard: () => void } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #retryDelay = FIRST_RETRY;
  #closed = false;

  constructor(target: DatabaseTarget, options: ListenerOptions) {
    super();
    const { schema, probeIntervalMs = PROBE_INTERVAL, probeTimeoutMs = PROBE_TIMEOUT } = options;
    this.channel = channelOf(schema);
    this.#probeInterval = probeIntervalMs;
    this.#client = new SteadyClient(target, {
      role: 'listening',
      applicationName: this.sessionName,
      onConnect: [`LISTEN ${this.channel}`],
      queryTimeoutMs: probeTimeoutMs,
    });
    this.#notifier = new Notifier(target, this.channel, this.tag);
    this.#client.on('notification', (payload) => this.#receive(payload));
    this.#client.on('connected', () => this.emit('up'));
    this.#client.on('lost', (error) => {
      if (this.#closed) return;
      this.#retryDelay = FIRST_RETRY;
      this.#schedule(this.#retryDelay);
      this.emit('down', error);
    });
  }

  /** Whether the session is open, as far as is known. */
  get up(): boolean {
    return this.#client.connected;
  }

  /** Opens the session; false: it could not be opened yet, and is tried again until it is. */
  async start(): Promise<boolean> {
    await this.#probe();
    return this.up;
  }

  /** @returns the function that ends the subscription */
  subscribe(subscriber: HintSubscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Tells all processes that the queue has something to claim. */
  hint(queue: string): void {
    this.#notifier.hint(queue);
  }

  /** Tells all processes that the run has ended. */
  done(executionId: string): void {
    this.#notifier.done(executionId);
  }

  /** Tells all processes that the queue has something that is due later. */
  later(queue: string): void {
    this.#notifier.later(queue);
  }

  /** Tells the run's holder to look for what was asked of it. */
  control(executionId: string): void {
    this.#notifier.control(executionId);
  }

  /** Tells all processes that the settings of the queue have changed. */
  settings(queue: string): void {
    this.#notifier.settings(queue);
  }

  /** Tells all processes which events are wanted here. @throws ConnectionLostError */
  async wish(wish: EventWish): Promise<void> {
    await this.#notifier.send([JSON.stringify({ o: wish, w: this.tag })]);
  }

  /**
   * Whether others see this very session under its name, so that its end means the end of this process. Not so behind
   * a pooler, whose sessions outlive their clients and carry any client's name.
   * @throws ConnectionLostError
   */
  async sessionVisible(): Promise<boolean> {
    const { rows } = await this.#client.query<{ pid: number; named: number }>({
      text: `SELECT pg_backend_pid() AS pid, count(*) AS named FROM pg_stat_activity
              WHERE application_name = $1 AND pid = pg_backend_pid()`,
      values: [this.sessionName],
    });
    const [row] = rows;
    // A pooler greets with a process id of its own making.
    return row?.named === 1 && row.pid === this.#client.processId;
  }

  /**
   * Whether a transaction-mode pooler stands between: what is sent to the channel does not arrive within 2 s.
   * @throws ConnectionLostError
   */
  async detectPooler(): Promise<boolean> {
    await this.#client.query({ text: 'SELECT 1' });
    const nonce = randomUUID();
    let timer: NodeJS.Timeout | undefined;
    try {
      const heard = new Promise<boolean>((resolve) => {
        this.#echo = { nonce, heard: () => resolve(true) };
      });
      await this.#notifier.send([JSON.stringify({ echo: nonce, w: this.tag })]);
      const silence = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ECHO_TIMEOUT)));
      return !(await Promise.race([heard, silence]));
    } finally {
      clearTimeout(timer);
      this.#echo = null;
    }
  }

  /** Sends the hints that wait and ends both sessions. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#client.close(), this.#notifier.close()]);
  }

  #receive(payload: string): void {
    if (this.#echo !== null && payload.includes(this.#echo.nonce)) {
      this.#echo.heard();
      return;
    }
    const hint = readHint(payload);
    if (hint === null) return;
    for (const subscriber of this.#subscribers) subscriber(hint, hint.w === this.tag);
  }

  /** Asks the session for a sign of life, which opens it where it is not open. */
  async #probe(): Promise<void> {
    try {
      await this.#client.query({ text: 'SELECT 1' });
      this.#schedule(this.#probeInterval);
    } catch {
      this.#schedule(this.#retryDelay);
      this.#retryDelay = Math.min(this.#retryDelay * 2, LAST_RETRY);
    }
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#probe(), delay);
    // The session itself keeps the process running, as long as it is wanted.
    this.#timer.unref();
  }
}

/** Channels belong to the database, so the schema must be in the name; hashed, since a name has at most 63 bytes. */
export function channelOf(schema: string): string {
  return `durable_${createHash('sha256').update(schema).digest('hex').slice(0, 16)}`;
}
