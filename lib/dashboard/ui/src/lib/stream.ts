import { apiUrl } from './api.js';
import { refresh, refreshAll } from './query.js';
import { FrameReader, type Frame } from './sse.js';
import { store } from './store.js';

/*
 * One stream of what happens, read with fetch, which tells a refusal from a cut. The page's answers are made anew by it,
 * at most once a second; where there is none, the page polls, and tries the stream again after 5, 10, 20 … 60 s. What
 * comes to nothing again and again (a proxy that ends it at once, or lets nothing through) is none either.
 */

export type LiveState = 'connecting' | 'live' | 'polling' | 'refused';

export interface Live {
  readonly state: LiveState;
  /** When the stream is tried again, ms since the epoch. */
  readonly retryAt: number | null;
}

export const live = store<Live>({ state: 'connecting', retryAt: null });

type Listener = (kind: string, data: Record<string, unknown>) => void;
const listeners = new Set<Listener>();

export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Which answers an event changes. */
function keysOf(kind: string): string[] {
  if (kind.startsWith('step_')) return ['run'];
  if (kind.startsWith('input_')) return ['inputs', 'inputs-count', 'run', 'overview'];
  if (kind === 'event_received') return ['events', 'run'];
  if (kind.startsWith('schedule_')) return ['schedules', 'overview'];
  if (kind === 'queue') return ['queues', 'overview'];
  if (kind === 'bulk') return ['bulk'];
  if (kind.startsWith('workflow_') || kind === 'many')
    return ['runs', 'run', 'count', 'overview', 'queues', 'inputs', 'inputs-count'];
  return [];
}

/** ms between two makings anew. */
const PACE = 1000;
/** Figures count many rows, and each of a thousand schedules may tell of itself: where something happens all the time they are made anew less often, ms. */
const FIGURES: ReadonlySet<string> = new Set(['overview', 'count', 'inputs-count', 'schedules']);
const FIGURES_PACE = 5000;
/** ms after which one that is refused is asked for again: what decides about it may have been away. */
const REFUSED = 60_000;
/** ms without a sign of life, of which the server gives one each 15 s: it is cut, though nobody said so. */
const SILENCE = 45_000;
/** ms: a stream that ends sooner has failed, unless the server said goodbye. */
const STEADY = 5000;

export class Stream {
  private stop: AbortController | null = null;
  private lastId: string | null = null;
  private failures = 0;
  /** Something may have happened that no stream will tell: at first since what the page shows was read. */
  private gap = true;
  private saidBye = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private dirty = new Set<string>();
  /** When it was made anew, by key. */
  private readonly made = new Map<string, number>();
  private flush: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly params: Record<string, string>) {}

  start(): void {
    void this.run();
  }

  close(): void {
    this.stop?.abort();
    this.stop = null;
    this.gap = true;
    clearTimeout(this.timer);
    clearTimeout(this.flush);
    this.flush = undefined;
  }

  retryNow(): void {
    this.close();
    this.failures = 0;
    this.start();
  }

  private async run(): Promise<void> {
    const stop = new AbortController();
    this.stop = stop;
    const again = (ms: number): void => {
      this.timer = setTimeout(() => void this.run(), ms);
    };
    try {
      const outcome = await this.listen(stop);
      if (this.stop !== stop) return;
      if (outcome === 'refused') {
        live.set((was) => ({ ...was, state: 'refused', retryAt: null }));
        this.gap = true;
        refresh('me');
        again(REFUSED);
        return;
      }
      this.failures = 0;
      // Without an id nobody can tell what came since.
      if (this.lastId === null) this.gap = true;
      again(500);
    } catch {
      // It was given up, and is not what is listened to any more.
      if (this.stop !== stop) return;
      this.gap = true;
      this.failures += 1;
      const wait = this.failures < 3 ? 1000 : Math.min(60_000, 5000 * 2 ** (this.failures - 3));
      if (this.failures >= 3) live.set((was) => ({ ...was, state: 'polling', retryAt: Date.now() + wait }));
      again(wait);
    }
  }

  /** Reads a stream to its end, as it has after half an hour. Rejects where there is none, or it was cut. */
  private async listen(stop: AbortController): Promise<'ended' | 'refused'> {
    // This ends the reading too.
    let silence = setTimeout(() => stop.abort(), SILENCE);
    const alive = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE);
    };
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (this.lastId !== null) headers['Last-Event-ID'] = this.lastId;
      const response = await fetch(apiUrl('stream', this.params), { headers, signal: stop.signal });
      if (response.status === 401 || response.status === 403) return 'refused';
      const type = response.headers.get('content-type') ?? '';
      if (!response.ok || response.body === null || !type.startsWith('text/event-stream'))
        throw new Error(String(response.status));
      if (this.gap) refreshAll();
      this.gap = false;
      await this.read(response.body, alive);
      return 'ended';
    } finally {
      clearTimeout(silence);
    }
  }

  private async read(body: ReadableStream<Uint8Array>, alive: () => void): Promise<void> {
    const frames = new FrameReader();
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const since = performance.now();
    const isSteady = (): boolean => performance.now() - since >= STEADY;
    this.saidBye = false;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        if (!this.saidBye && !isSteady()) throw new Error('it ended at once');
        return;
      }
      alive();
      // Only now is it known that anything comes through.
      live.set((was) => (was.state === 'live' ? was : { ...was, state: 'live', retryAt: null }));
      if (isSteady()) this.failures = 0;
      for (const frame of frames.read(decoder.decode(value, { stream: true }))) this.take(frame);
    }
  }

  private take({ event, id, data }: Frame): void {
    if (id !== null) {
      const boot = id.split('.')[0];
      const was = this.lastId?.split('.')[0];
      if (was !== undefined && was !== boot) refresh('me');
      this.lastId = id;
    }
    if (event === 'reset') refreshAll();
    if (event === 'me') refresh('me');
    if (event === 'bye') this.saidBye = true;
    let fields: Record<string, unknown> = {};
    try {
      fields = JSON.parse(data) as Record<string, unknown>;
    } catch {
      // A frame without fields.
    }
    for (const listener of listeners) listener(event, fields);
    for (const key of keysOf(event)) this.dirty.add(key);
    if (this.dirty.size > 0) this.flush ??= setTimeout(() => this.tell(), PACE);
  }

  private tell(): void {
    this.flush = undefined;
    const now = performance.now();
    const last = (key: string): number => this.made.get(key) ?? -Infinity;
    const due = [...this.dirty].filter((key) => !FIGURES.has(key) || now - last(key) >= FIGURES_PACE);
    for (const key of due) {
      this.dirty.delete(key);
      this.made.set(key, now);
    }
    refresh(...due);
    if (this.dirty.size > 0) this.flush = setTimeout(() => this.tell(), PACE);
  }
}
