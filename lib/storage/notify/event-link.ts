import { EventEmitter } from 'node:events';
import { channelOf, type Listener } from './listener.js';
import { notify } from './notifier.js';
import type { Query } from '../connection/transaction.js';

export interface EventLinkEvents {
  /** The session listens again: what was sent since `aliveAt` is lost. */
  back: [];
  message: [payload: string];
}

/**
 * Link for events between processes: a channel beside that of the hints, so that processes without an interest get none.
 * The session listens on it only while there is an interest.
 */
export class EventLink extends EventEmitter<EventLinkEvents> {
  readonly #channel: string;
  #listening = false;
  #heard = false;

  constructor(
    private readonly listener: Listener,
    private readonly query: Query,
    schema: string,
  ) {
    super();
    this.#channel = `${channelOf(schema)}_events`;
  }

  /** performance.now() at which the session was last known to live and to listen to events. */
  get aliveAt(): number {
    return this.#heard ? this.listener.aliveAt : -Infinity;
  }

  /** @throws ConnectionLostError */
  async send(payloads: readonly string[]): Promise<void> {
    await notify(this.query, this.#channel, payloads);
  }

  /** Begins to listen; goes on until `unlisten`, over lost connections too. */
  listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.listener.on('up', this.#back);
    void this.listener
      .listenTo(this.#channel, (payload) => this.emit('message', payload))
      .then(() => (this.#heard = this.#listening));
  }

  async unlisten(): Promise<void> {
    if (!this.#listening) return;
    this.#listening = false;
    this.#heard = false;
    this.listener.off('up', this.#back);
    await this.listener.unlisten(this.#channel);
  }

  /** Hears nothing more; the session ends with its listener. */
  close(): void {
    this.#listening = false;
    this.listener.off('up', this.#back);
  }

  readonly #back = (): void => {
    if (this.#heard) this.emit('back');
  };
}
