import { map, type Observable } from 'rxjs';
import { type DurableEvent, errorOf, isDurableError } from '../durable.js';
import { RequestError } from './errors.js';
import { Feed, Numbers, type Told } from './feed.js';
import { EventStream, type StreamOptions } from './stream.js';
import type { Answer } from './answer.js';

const MOST_OF_ACTOR = 6;
/** ms between two looks whether the database is there, and before one that failed is made again. */
const WATCH = 5_000;
const AGAIN = 500;

export interface EventSource {
  all(): Observable<DurableEvent>;
  workflow(id: string): Observable<DurableEvent>;
}

export interface Opening extends Pick<StreamOptions, 'wants' | 'after' | 'rights'> {
  /** One run with its steps; null: everything but steps. */
  readonly run: string | null;
  /** Who opens it, and how that is called where nobody says: the address. */
  readonly actor: string;
}

/**
 * All streams of one mount. Where nobody looks it hears nothing, and costs nothing. Where the database is away nothing is
 * heard either, which looks as if nothing happened: so streams end then, and none is begun until it is back.
 */
export class Streams {
  private readonly numbers = new Numbers();
  private readonly feeds = new Map<string, Feed>();
  private readonly open = new Set<EventStream>();
  private readonly actors = new Map<string, number>();
  private taken = 0;
  private closed = false;
  private watching: NodeJS.Timeout | undefined;

  /** @param ask something of the database; rejects where it is away */
  constructor(
    private readonly events: EventSource,
    private readonly most: number,
    private readonly ask: () => Promise<unknown> = async () => {},
  ) {}

  /** @throws what the database, or the way to it, answers */
  async refuseWhereAway(): Promise<void> {
    const away = await this.outage();
    if (away !== null) throw away;
  }

  /** @throws RequestError TOO_MANY_STREAMS */
  answer({ run, actor, wants, after, rights }: Opening): Answer {
    const own = this.actors.get(actor) ?? 0;
    if (this.closed || this.taken >= this.most || own >= MOST_OF_ACTOR) {
      throw new RequestError(429, 'TOO_MANY_STREAMS', 'There are too many streams: close a page, or let it poll.');
    }
    let stream: EventStream | null = null;
    let over = false;
    const onEnd = (): void => {
      over = true;
      if (stream !== null) this.open.delete(stream);
      this.taken--;
      const left = (this.actors.get(actor) ?? 1) - 1;
      if (left > 0) this.actors.set(actor, left);
      else this.actors.delete(actor);
    };
    const headers = {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    };
    return {
      status: 200,
      headers,
      body: '',
      stream: (response) => {
        const { numbers } = this;
        this.taken++;
        this.actors.set(actor, (this.actors.get(actor) ?? 0) + 1);
        stream = new EventStream(response, { feed: this.feed(run), numbers, wants, after, rights, onEnd });
        if (over) return;
        this.open.add(stream);
        if (this.closed || response.destroyed) stream.bye();
        this.watch();
      },
    };
  }

  /** Tells of something that the engine's events do not. */
  tell(told: Told): void {
    this.feeds.get(ALL)?.tell(told);
  }

  /** Ends them all: an open response would keep the app's server from closing. */
  close(): void {
    this.closed = true;
    clearTimeout(this.watching);
    for (const stream of this.open) stream.bye();
    for (const feed of this.feeds.values()) feed.close();
  }

  /** Looks again and again, as long as a stream is open. */
  private watch(): void {
    if (this.watching !== undefined || this.open.size === 0 || this.closed) return;
    const look = async (): Promise<void> => {
      if (await this.isLost()) for (const feed of this.feeds.values()) feed.break();
      this.watching = undefined;
      this.watch();
    };
    this.watching = setTimeout(() => void look(), WATCH).unref();
  }

  /** A session that was cut off fails a look once; a database that is slow is there. */
  private async isLost(): Promise<boolean> {
    if (this.open.size === 0 || (await this.outage()) === null) return false;
    await new Promise<void>((resolve) => void setTimeout(resolve, AGAIN).unref());
    return (await this.outage()) !== null;
  }

  /** Whatever keeps it from answering, a refused password too; one that is slow is there. */
  private async outage(): Promise<Error | null> {
    try {
      await this.ask();
      return null;
    } catch (error) {
      return isDurableError(error) && error.code === 'TOO_SLOW' ? null : errorOf(error);
    }
  }

  private feed(run: string | null): Feed {
    const key = run ?? ALL;
    const there = this.feeds.get(key);
    if (there !== undefined) return there;
    const source = (): Observable<Told> =>
      (run === null ? this.events.all() : this.events.workflow(run)).pipe(map(toldOf));
    const feed = new Feed(this.numbers, source, () => this.feeds.delete(key));
    this.feeds.set(key, feed);
    return feed;
  }
}

const ALL = '';

function toldOf(event: DurableEvent): Told {
  const { kind } = event;
  const topic = kind.startsWith('input_') ? 'inputs' : kind.startsWith('schedule_') ? 'schedules' : 'runs';
  return { kind, topic, runId: event.executionId, data: event };
}
