import { randomBytes } from 'node:crypto';
import type { Observable, Subscription } from 'rxjs';

/** Something that streams are told of. */
export interface Told {
  readonly kind: string;
  /** Which topic it belongs to. */
  readonly topic: string;
  /** Of the run that it is about. */
  readonly runId: string | null;
  readonly data: object;
}

export interface Numbered extends Told {
  readonly seq: number;
}

/** Events that are kept for whoever comes back, and for how long after the last one has left, ms. */
const KEPT = 2_000;
const LINGERS = 300_000;

export interface Listener {
  hear(event: Numbered): void;
  /** Events may be missing from now on: whoever wants to go on comes back, and reads anew. */
  broken(): void;
}

/** What happens from now on, numbered, with the newest kept for whoever was cut off. It listens while somebody does. */
export class Feed {
  private readonly ring: Numbered[] = [];
  private readonly listeners = new Set<Listener>();
  private source: Subscription | null = null;
  private leaving: NodeJS.Timeout | undefined;
  /** Whoever has this event, or a later one, has missed none before it. */
  private unbroken = 0;

  constructor(
    private readonly numbers: Numbers,
    private readonly open: () => Observable<Told>,
    private readonly onIdle: () => void,
  ) {}

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    clearTimeout(this.leaving);
    this.listeners.add(listener);
    if (this.source === null) {
      this.forget();
      // A source that breaks off is opened again by the next who comes.
      const ended = (): void => {
        this.source = null;
        this.break();
      };
      const source = this.open().subscribe({ next: (told) => this.tell(told), error: ended, complete: ended });
      // It may have ended at once.
      if (!source.closed) this.source = source;
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.leaving = setTimeout(() => this.close(), LINGERS);
      this.leaving.unref();
    };
  }

  tell(told: Told): void {
    const event = { seq: this.numbers.next(), ...told };
    this.ring.push(event);
    if (this.ring.length > KEPT) this.unbroken = this.ring.shift()?.seq ?? this.unbroken;
    for (const listener of this.listeners) listener.hear(event);
  }

  /** Events may be missing from now on. */
  break(): void {
    this.forget();
    for (const listener of this.listeners) listener.broken();
  }

  /** What came after that one; null: it is not known any more. */
  since(id: string): readonly Numbered[] | null {
    const seq = this.numbers.read(id);
    if (seq === null || this.source === null || seq < this.unbroken) return null;
    return this.ring.filter((event) => event.seq > seq);
  }

  close(): void {
    clearTimeout(this.leaving);
    this.source?.unsubscribe();
    this.source = null;
    this.listeners.clear();
    this.onIdle();
  }

  /** Nothing is known of what came before the next event. */
  private forget(): void {
    this.ring.length = 0;
    this.unbroken = this.numbers.last + 1;
  }
}

/** Numbers of one process: another's mean nothing here. */
export class Numbers {
  private readonly boot = randomBytes(6).toString('hex');
  last = 0;

  next(): number {
    return ++this.last;
  }

  write(seq: number): string {
    return `${this.boot}.${seq}`;
  }

  read(id: string): number | null {
    const [boot, seq = ''] = id.split('.');
    const number = /^\d{1,15}$/.test(seq) ? Number(seq) : NaN;
    return boot === this.boot && number <= this.last ? number : null;
  }
}
