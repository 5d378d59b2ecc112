import type { ServerResponse } from 'node:http';
import type { Feed, Numbered, Numbers } from './feed.js';

/** Frames of a stream in a second; what is more is told in one. */
const MOST_A_SECOND = 20;
const SECOND = 1_000;
/** ms between two signs of life, two looks at what may be seen, and how long a stream lasts. */
const SIGN = 15_000;
const LOOK = 25_000;
const LASTS = 1_800_000;
/** Bytes that a client may be behind by. */
const MOST_BEHIND = 1_048_576;
/** Runs that are named in a frame that tells of many. */
const MOST_NAMED = 100;

export interface StreamOptions {
  readonly feed: Feed;
  readonly numbers: Numbers;
  readonly wants: (event: Numbered) => boolean;
  /** Id of the last event that the client had; null: none. */
  readonly after: string | null;
  /** What whoever listens may do, as text; null: no longer what is streamed. */
  readonly rights: () => Promise<string | null>;
  readonly onEnd: () => void;
}

/** Server-sent events to one client, until it goes, may see them no longer, or half an hour is over. */
export class EventStream {
  private readonly timers: NodeJS.Timeout[] = [];
  private unlisten = (): void => {};
  private many: Numbered[] = [];
  private sent = 0;
  private known: string | null = null;
  private over = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: StreamOptions,
  ) {
    const { feed, after } = options;
    response.flushHeaders();
    response.on('close', () => this.end());
    response.on('error', () => this.end());
    this.write('retry: 2000\n\n');
    const hear = (event: Numbered): void => {
      if (options.wants(event)) this.hear(event);
    };
    const unlisten = feed.listen({ hear, broken: () => this.end() });
    if (this.over) {
      unlisten();
      return;
    }
    this.unlisten = unlisten;
    const missed = after === null ? [] : feed.since(after);
    if (missed === null) this.frame('reset', {}, null);
    else for (const event of missed) hear(event);
    this.every(SECOND, () => this.tick());
    this.every(SIGN, () => this.write(':\n\n'));
    this.every(LOOK, () => void this.look());
    this.every(LASTS, () => this.end());
    void this.look();
  }

  /** The process is going. */
  bye(): void {
    this.frame('bye', {}, null);
    this.end();
  }

  private hear(event: Numbered): void {
    if (this.sent < MOST_A_SECOND && this.many.length === 0) {
      this.sent++;
      this.frame(event.kind, event.data, event.seq);
    } else this.many.push(event);
  }

  private tick(): void {
    this.sent = 0;
    const last = this.many.at(-1);
    if (last === undefined) return;
    const runs = [...new Set(this.many.flatMap(({ runId }) => runId ?? []))].slice(0, MOST_NAMED);
    const kinds = [...new Set(this.many.map(({ kind }) => kind))];
    this.many = [];
    this.sent = 1;
    this.frame('many', { runs, kinds }, last.seq);
  }

  private async look(): Promise<void> {
    const rights = await this.options.rights();
    if (rights === null) return this.end();
    if (this.known !== null && this.known !== rights) this.frame('me', {}, null);
    this.known = rights;
  }

  private frame(kind: string, data: object, seq: number | null): void {
    const id = seq === null ? '' : `id: ${this.options.numbers.write(seq)}\n`;
    this.write(`${id}event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  private write(text: string): void {
    if (this.over) return;
    // Whoever does not read does not fill the memory.
    if (this.response.writableLength > MOST_BEHIND) this.response.destroy();
    else this.response.write(text);
  }

  private every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.timers.push(timer);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    for (const timer of this.timers) clearInterval(timer);
    this.unlisten();
    this.response.end();
    this.options.onEnd();
  }
}
