import type { EventRecord } from '../core/run/events.js';
import { ascii } from '../storage/notify/notifier.js';

/** A notification between processes. */
export interface EventMessage {
  readonly v: readonly EventRecord[];
  /** Events were dropped before this: since so many ms. */
  readonly gap?: number;
  /** Tag of the process. */
  readonly w: string;
}

const MOST = 10_000;
/** PostgreSQL refuses a payload of 8 000 bytes. */
const MAX_BYTES = 7_500;
/** Events in one statement. */
const BATCH = 1_000;
const FIRST_RETRY = 100;
const LAST_RETRY = 2_000;
/** ms that the last events have at shutdown. */
const LAST_SEND = 1_000;

/**
 * Sends events to the other processes: one statement at a time, with all that came in meanwhile; again after a failure.
 * What is too much is dropped, the oldest first, and the others are told that there is a gap.
 */
export class EventSender {
  private queue: EventRecord[] = [];
  private sending: Promise<void> | null = null;
  private retry = FIRST_RETRY;
  private wait: { readonly timer: NodeJS.Timeout; readonly end: () => void } | null = null;
  private gapSince: number | null = null;
  private closed = false;

  constructor(
    private readonly send: (payloads: readonly string[]) => Promise<void>,
    private readonly tag: string,
    private readonly warn: (message: string) => void,
  ) {}

  push(event: EventRecord): void {
    if (this.closed) return;
    this.queue.push(event);
    if (this.queue.length > MOST) {
      const [oldest] = this.queue.splice(0, this.queue.length - MOST);
      if (this.gapSince === null) {
        this.warn('Events cannot be sent to the other processes: the oldest are dropped.');
        this.gapSince = performance.now() - Math.max(0, event.time - (oldest?.time ?? event.time));
      }
    }
    this.sending ??= this.sendAll();
  }

  /** Sends what waits, within 1 s. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.sending, new Promise((resolve) => (timer = setTimeout(resolve, LAST_SEND)))]);
    clearTimeout(timer);
    this.closed = true;
    this.wait?.end();
  }

  private async sendAll(): Promise<void> {
    // Events of the same macrotask go along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0 && !this.closed) {
      const batch = this.queue.splice(0, BATCH);
      const gapSince = this.gapSince;
      const gap = gapSince === null ? {} : { gap: Math.ceil(performance.now() - gapSince) };
      try {
        await this.send(packEvents(batch, this.tag, gap));
        if (this.gapSince === gapSince) this.gapSince = null;
        this.retry = FIRST_RETRY;
      } catch {
        this.queue.unshift(...batch);
        await this.pause();
      }
    }
    this.sending = null;
  }

  private async pause(): Promise<void> {
    const ms = this.retry;
    this.retry = Math.min(ms * 2, LAST_RETRY);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, ms);
      timer.unref();
      this.wait = { timer, end };
    });
    this.wait = null;
  }
}

/** As few payloads as hold all events; one that is too long for any loses what it can do without. */
export function packEvents(events: readonly EventRecord[], tag: string, gap: { gap?: number } = {}): string[] {
  const frame = ascii({ v: [], ...gap, w: tag }).length;
  const payloads: string[] = [];
  let part: string[] = [];
  let size = frame;
  const flush = (): void => {
    if (part.length > 0) payloads.push(`${ascii({ ...gap, w: tag }).slice(0, -1)},"v":[${part.join(',')}]}`);
    part = [];
    size = frame;
  };
  for (const event of events) {
    const text = fitting(event, MAX_BYTES - frame);
    if (text === null) continue;
    if (size + text.length + 1 > MAX_BYTES) flush();
    part.push(text);
    size += text.length + 1;
  }
  flush();
  return payloads;
}

function fitting(event: EventRecord, most: number): string | null {
  const whole = ascii(event);
  if (whole.length <= most) return whole;
  const { waits: _, error: __, ...rest } = event;
  const short = ascii(rest);
  return short.length <= most ? short : null;
}

/** The message in a payload; null: it is not one of ours. */
export function readEvents(payload: string): EventMessage | null {
  try {
    const value = JSON.parse(payload) as Partial<EventMessage> | null;
    const { v, w, gap = 0 } = value ?? {};
    const isOurs = typeof w === 'string' && Number.isFinite(gap) && Array.isArray(v) && v.every(isEvent);
    return isOurs ? (value as EventMessage) : null;
  } catch {
    return null;
  }
}

/** What a subscriber's filter, redaction and dates go by: anybody may notify. */
function isEvent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { id, kind, executionId, time, error } = value as Partial<Record<keyof EventRecord, unknown>>;
  const names = [id, kind, ...(executionId === null ? [] : [executionId])];
  return (
    names.every((one) => typeof one === 'string') && Number.isFinite(time) && (error === undefined || isError(error))
  );
}

function isError(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, message } = value as Partial<Record<string, unknown>>;
  return typeof name === 'string' && typeof message === 'string';
}
