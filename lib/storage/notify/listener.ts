import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { errorOf } from '../../core/text-of.js';
import { isRejectedByServer, type SteadyClient } from '../connection/connection.js';
import type { Connections } from '../connection/connections.js';
import { type EventInterest, Notifier, readHint, type Hint } from './notifier.js';
import { queryOf } from '../connection/transaction.js';

export type { Hint } from './notifier.js';

/** ms */
const FIRST_RETRY = 100;
const LAST_RETRY = 2_000;
const PROBE_INTERVAL = 10_000;

const READ_ONLY = `SELECT current_setting('transaction_read_only') AS mode`;

export interface ListenerOptions {
  readonly schema: string;
  /**
   * ms between looks whether the session still answers, and its server takes writes: an idle connection does not notice a
   * silent network, nor that another server is the primary now. Default: 10 000.
   */
  readonly probeIntervalMs?: number;
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
 * The one session of a process that other processes can see: it listens for hints and events, and its name in
 * pg_stat_activity tells the others that the process is alive. It needs a direct connection (no pooler in transaction
 * mode). Hints are sent by the pool, so that a commit lock never delays what is received.
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
  readonly #leaveServer: () => void;
  /** Channels beside that of the hints, and who hears them. */
  readonly #others = new Map<string, (payload: string) => void>();
  #aliveAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #retryDelay = FIRST_RETRY;
  #closed = false;

  constructor(connections: Connections, { schema, probeIntervalMs = PROBE_INTERVAL }: ListenerOptions) {
    super();
    this.channel = channelOf(schema);
    this.#probeInterval = probeIntervalMs;
    this.#leaveServer = connections.leaveServer;
    this.#client = connections.steady('listener', {
      name: this.sessionName,
      onConnect: () => [this.channel, ...this.#others.keys()].map((channel) => `LISTEN ${channel}`),
    });
    this.#notifier = new Notifier(queryOf(connections.pool), this.channel, this.tag);
    this.#client.on('notification', (payload, channel) => this.#receive(payload, channel));
    this.#client.on('connected', () => this.emit('up'));
    this.#client.on('lost', (error) => {
      if (this.#closed) return;
      this.#retryDelay = FIRST_RETRY;
      this.#schedule(this.#retryDelay);
      this.emit('down', error);
    });
  }

  /** True while the session is open, as far as is known. */
  get up(): boolean {
    return this.#client.connected;
  }

  /** performance.now() at which the session was last known to live. */
  get aliveAt(): number {
    return this.#aliveAt;
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

  /** Listens to a channel beside that of the hints, over lost sessions too. Resolves when it does, or will. */
  async listenTo(channel: string, hear: (payload: string) => void): Promise<void> {
    this.#others.set(channel, hear);
    // A session that is opened later listens by itself.
    if (!this.up) return;
    await this.#client.query({ text: `LISTEN ${channel}` }).catch((error: unknown) => {
      // One that hears a part only would count as one that hears: there is none until the server lets it listen.
      if (isRejectedByServer(error)) this.#client.drop(errorOf(error));
    });
  }

  async unlisten(channel: string): Promise<void> {
    this.#others.delete(channel);
    if (this.up) await this.#client.query({ text: `UNLISTEN ${channel}` }).catch(() => {});
  }

  /** Tells the processes that the queue has something to claim. `draw`: by which they agree on which of them looks; 0: all look. */
  hint(queue: string, draw: number): void {
    this.#notifier.hint(queue, draw);
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
  async interest(interest: EventInterest): Promise<void> {
    await this.#notifier.send([JSON.stringify({ o: interest, w: this.tag })]);
  }

  /**
   * True when others see this very session under its name, so that its end means the end of this process. Not so behind
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

  /** Sends the hints that wait and listens no more. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#client.close(), this.#notifier.close()]);
  }

  #receive(payload: string, channel: string): void {
    this.#aliveAt = performance.now();
    if (channel !== this.channel) return this.#others.get(channel)?.(payload);
    const hint = readHint(payload);
    if (hint === null) return;
    for (const subscriber of this.#subscribers) subscriber(hint, hint.w === this.tag);
  }

  /** Asks the session for a sign of life, which opens it where it is not open. */
  async #probe(): Promise<void> {
    try {
      const asked = performance.now();
      const { rows } = await this.#client.query<{ mode: string }>({ text: READ_ONLY });
      // What is sent goes to the new primary, and this session would wait for it at the old one.
      if (rows[0]?.mode === 'on') this.#leaveServer();
      else this.#aliveAt = asked;
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
