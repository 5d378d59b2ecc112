import type { InFlight } from '../../core/run/execution.js';
import type { KnownWait } from './known-wait.js';
import type { NewWait, OpExtras } from '../ports/store.js';
import type { DatabaseClock } from '../time/clock.js';
import { hasThrown, StepWaits } from './waits.js';

/** ms after which a wait that was due by our clock and not by the database's is looked at again. */
const LOOK_AGAIN = 3;

const NONE: readonly never[] = [];

/**
 * The waits of the steps that are under way, by the path of the step, and what they have come to. A wait comes and goes here
 * before its commit does so in the database: what that says of it counts once it was asked after the commit.
 */
export class WaitBook {
  // Made by the first wait that comes or goes: most runs have none.
  private byPath: Map<string, KnownWait[]> | null = null;
  private added: Ahead | null = null;
  private gone: Ahead | null = null;
  /** Database time in ms before which nothing due is looked at again. */
  private notBefore = 0;
  private lastEnd = 0;

  /** @param waits what the database has said of them */
  constructor(waits: readonly KnownWait[] = []) {
    this.replace(waits);
  }

  /** Marks the moment of a question: what is committed by now is known to its answer, and nothing else is for certain. */
  mark(): void {
    this.added?.mark();
    this.gone?.mark();
  }

  /** A commit was taken that had these. */
  committed({ waits, closes, closeAll }: Pick<OpExtras, 'waits' | 'closes' | 'closeAll'>): void {
    for (const { id } of waits) this.added?.committed(id);
    for (const id of closes) this.gone?.committed(id);
    if (closeAll) this.gone?.allCommitted();
  }

  /** Puts in what the database said, with what has changed here and is unknown there. */
  replace(waits: readonly KnownWait[]): void {
    const added = this.added === null ? [] : this.all().filter((wait) => this.added?.has(wait.id));
    this.byPath = null;
    for (const { ended } of waits) if (ended !== null && ended > this.lastEnd) this.lastEnd = ended;
    for (const wait of waits) if (this.gone?.has(wait.id) !== true) this.push(wait);
    for (const wait of added) if (!waits.some((one) => one.id === wait.id)) this.push(wait);
  }

  clear(): void {
    this.remove(this.all().map((wait) => wait.id));
  }

  /** A step was suspended on these. */
  add(waits: readonly NewWait[]): void {
    for (const wait of waits) {
      (this.added ??= new Ahead()).add(wait.id);
      this.push({ state: 'open', ended: null, result: null, events: [], child: null, ...wait });
    }
  }

  of(path: string, visit: number): readonly KnownWait[] {
    return this.byPath?.get(path)?.filter((wait) => wait.visit === visit) ?? NONE;
  }

  /** The waits of a pass of that step, which gives it what those have come to that are over. */
  pass(
    step: InFlight,
    clock: Pick<DatabaseClock, 'now'>,
    maxPayloadBytes: number,
    threw: readonly string[] | undefined,
  ): StepWaits {
    return new StepWaits(this.of(step.path, step.visit), step, clock, maxPayloadBytes, threw);
  }

  /** Keys of the step's waits that have thrown. */
  threw(path: string, visit: number): string[] {
    return this.of(path, visit).flatMap((wait) => (hasThrown(wait) ? [wait.key] : []));
  }

  /** Traceparents of who sent what the step's waits were given. */
  senders(path: string, visit: number): string[] {
    return this.of(path, visit).flatMap(({ events }) => events.flatMap((event) => event.traceparent ?? []));
  }

  all(): KnownWait[] {
    return [...(this.byPath?.values() ?? NONE)].flat();
  }

  /** The last end of a wait (`TakenWait.ended`) that the database has said; 0: none. */
  get heard(): number {
    return this.lastEnd;
  }

  get hasOpen(): boolean {
    return this.all().some((wait) => wait.state === 'open');
  }

  get size(): number {
    return this.all().length;
  }

  get isEmpty(): boolean {
    return this.byPath === null || this.byPath.size === 0;
  }

  /** The step's visit is over, or these waits are. */
  remove(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const gone = new Set(ids);
    this.gone ??= new Ahead();
    for (const id of ids) this.gone.add(id);
    const { byPath } = this;
    for (const [path, waits] of byPath ?? NONE) {
      const left = waits.filter((wait) => !gone.has(wait.id));
      if (left.length === 0) byPath?.delete(path);
      else byPath?.set(path, left);
    }
  }

  /** Waits whose end the last pass of the step has not seen; more of them than `seen` lets it go on. */
  closed(path: string, visit: number): number {
    return this.of(path, visit).filter((wait) => wait.state !== 'open').length;
  }

  /**
   * Database time in ms until which the step cannot go on: 0: it can; Infinity: until something comes. A time that has
   * passed: until the database says that the wait is over.
   */
  waitsUntil(path: string, visit: number, seen: number): number {
    const waits = this.of(path, visit);
    if (waits.length === 0 || this.closed(path, visit) > seen) return 0;
    const open = waits.filter((wait) => wait.state === 'open');
    return open.length === 0 ? 0 : Math.max(1, Math.min(...open.map((wait) => wait.dueAt ?? Infinity)));
  }

  /** True when a wait is due, which the database is to confirm. */
  isDue(now: number): boolean {
    if (this.isEmpty || now < this.notBefore) return false;
    return this.all().some((wait) => wait.state === 'open' && wait.dueAt !== null && wait.dueAt <= now);
  }

  /** The database was asked at this time; what is due and still open is not asked for again at once. */
  asked(now: number): void {
    this.notBefore = 0;
    if (this.isDue(now)) this.notBefore = now + LOOK_AGAIN;
  }

  get askAgainAt(): number {
    return this.notBefore;
  }

  private push(wait: KnownWait): void {
    const byPath = (this.byPath ??= new Map());
    const list = byPath.get(wait.path);
    if (list === undefined) byPath.set(wait.path, [wait]);
    else list.push(wait);
  }
}

/** Waits of which this process knows what the database may not. */
class Ahead {
  private readonly ids = new Set<string>();
  /** Those of which the next answer will know. */
  private readonly known: string[] = [];

  add(id: string): void {
    this.ids.add(id);
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  committed(id: string): void {
    this.known.push(id);
  }

  allCommitted(): void {
    this.known.push(...this.ids);
  }

  mark(): void {
    for (const id of this.known.splice(0)) this.ids.delete(id);
  }
}
