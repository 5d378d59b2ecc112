import { EventEmitter } from 'node:events';
import { SteadyClient } from './connection.js';
import type { DatabaseTarget } from './database-target.js';
import { channelOf } from './listener.js';

/** ms */
const FIRST_RETRY = 100;
const LAST_RETRY = 2_000;
const PROBE_INTERVAL = 5_000;
const QUERY_TIMEOUT = 5_000;

export interface EventLinkEvents {
  /** The session listens again: what was sent since `aliveAt` is lost. */
  back: [];
  message: [payload: string];
}

/**
 * What carries events between processes: a channel beside that of the hints, so that who wants no events gets none. Its
 * two connections are opened when they are first needed: one to send, one to listen for as long as it is wanted.
 */
export class EventLink extends EventEmitter<EventLinkEvents> {
  readonly #channel: string;
  readonly #sender: SteadyClient;
  #listener: SteadyClient | null = null;
  #ending: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #retryDelay = FIRST_RETRY;
  #aliveAt = -Infinity;

  constructor(
    private readonly target: DatabaseTarget,
    schema: string,
    private readonly probeInterval = PROBE_INTERVAL,
  ) {
    super();
    this.#channel = `${channelOf(schema)}_events`;
    this.#sender = new SteadyClient(target, {
      role: 'event sending',
      applicationName: 'nest-durable:events',
      queryTimeoutMs: QUERY_TIMEOUT,
    });
  }

  /** performance.now() at which the listening session was last known to live. */
  get aliveAt(): number {
    return this.#aliveAt;
  }

  /** @throws ConnectionLostError */
  async send(payloads: readonly string[]): Promise<void> {
    const text = 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload';
    await this.#sender.query({ text, values: [this.#channel, payloads] });
  }

  /** Begins to listen; goes on until `deafen`, over lost connections too. */
  listen(): void {
    if (this.#listener !== null) return;
    const client = new SteadyClient(this.target, {
      role: 'event listening',
      applicationName: 'nest-durable:events',
      onConnect: [`LISTEN ${this.#channel}`],
      queryTimeoutMs: QUERY_TIMEOUT,
    });
    this.#listener = client;
    client.on('notification', (payload) => {
      this.#aliveAt = performance.now();
      this.emit('message', payload);
    });
    let first = true;
    client.on('connected', () => {
      if (!first) this.emit('back');
      first = false;
    });
    client.on('lost', () => this.#schedule(client, FIRST_RETRY));
    void this.#probe(client);
  }

  async deafen(): Promise<void> {
    const client = this.#listener;
    this.#listener = null;
    clearTimeout(this.#timer);
    if (client !== null) this.#ending = Promise.all([this.#ending, client.close()]).then(() => {});
    await this.#ending;
  }

  async close(): Promise<void> {
    await Promise.all([this.deafen(), this.#sender.close()]);
  }

  /** Opens the session where it is not open; an idle one does not notice that the network is gone. */
  async #probe(client: SteadyClient): Promise<void> {
    try {
      const asked = performance.now();
      await client.query({ text: 'SELECT 1' });
      this.#aliveAt = asked;
      this.#retryDelay = FIRST_RETRY;
      this.#schedule(client, this.probeInterval);
    } catch {
      this.#schedule(client, this.#retryDelay);
      this.#retryDelay = Math.min(this.#retryDelay * 2, LAST_RETRY);
    }
  }

  #schedule(client: SteadyClient, delay: number): void {
    if (this.#listener !== client) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#probe(client), delay);
    this.#timer.unref();
  }
}
