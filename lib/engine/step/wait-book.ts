import { Heap } from '../../core/heap.js';
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
  private byId: Map<string, KnownWait> | null = null;
  /** Open ones that have a time and that the database knows of, and some that are over or gone. */
  private dues: Heap<KnownWait> | null = null;
  private openCount = 0;
  private added: Ahead | null = null;
  private gone: Ahead | null = null;
  /** Paths of steps whose waits have changed since that was asked for. */
  private changes: Set<string> | null = null;
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
    for (const { id } of waits) {
      this.added?.committed(id);
      this.expect(this.byId?.get(id));
    }
    for (const id of closes) this.gone?.committed(id);
    if (closeAll) this.gone?.allCommitted();
  }

  /** Puts in what the database said, with what has changed here and is unknown there. Gives the paths of waits that are new here. */
  replace(waits: readonly KnownWait[]): string[] {
    const before = this.byId;
    const added = [...(this.added?.all ?? NONE)].flatMap((id) => before?.get(id) ?? []);
    this.byPath = null;
    this.byId = null;
    this.dues = null;
    this.openCount = 0;
    const isKnown = (id: string): boolean => this.byId?.has(id) === true;
    const fresh: string[] = [];
    for (const wait of waits) {
      if (wait.ended !== null && wait.ended > this.lastEnd) this.lastEnd = wait.ended;
      if (this.gone?.has(wait.id) === true) continue;
      const known = before?.get(wait.id);
      if (known === undefined) fresh.push(wait.path);
      this.push(wait, known?.state !== wait.state || known.dueAt !== wait.dueAt);
    }
    for (const wait of added) if (!isKnown(wait.id)) this.push(wait, false);
    for (const [id, { path }] of before ?? NONE) if (!isKnown(id)) this.changed(path);
    return fresh;
  }

  /** Paths of steps whose waits have changed since the last call. */
  takeChanges(): Iterable<string> {
    const { changes } = this;
    this.changes = null;
    return changes ?? NONE;
  }

  clear(): void {
    this.remove(this.all());
  }

  /** A step was suspended on these. */
  add(waits: readonly NewWait[]): void {
    for (const wait of waits) {
      (this.added ??= new Ahead()).add(wait.id);
      this.push({ state: 'open', ended: null, result: null, events: [], child: null, ...wait }, true);
    }
  }

  /** True when the database knows of that wait. */
  isKnown(id: string): boolean {
    return this.added?.isAhead(id) !== true;
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
    return this.byId === null ? [] : [...this.byId.values()];
  }

  /** Waits of steps at these paths, of whatever visit. */
  at(paths: Iterable<string>): KnownWait[] {
    return [...paths].flatMap((path) => this.byPath?.get(path) ?? []);
  }

  /** The last end of a wait (`TakenWait.ended`) that the database has said; 0: none. */
  get heard(): number {
    return this.lastEnd;
  }

  get hasOpen(): boolean {
    return this.openCount > 0;
  }

  get size(): number {
    return this.byId?.size ?? 0;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** The step's visit is over, or these waits are. */
  remove(waits: readonly Pick<KnownWait, 'id' | 'path'>[]): void {
    if (waits.length === 0) return;
    this.gone ??= new Ahead();
    for (const { id, path } of waits) {
      this.gone.add(id);
      const known = this.byId?.get(id);
      if (known?.state === 'open') this.openCount--;
      this.byId?.delete(id);
      this.changed(path);
    }
    for (const path of new Set(waits.map((wait) => wait.path))) {
      const left = this.at([path]).filter((wait) => this.byId?.has(wait.id));
      if (left.length === 0) this.byPath?.delete(path);
      else this.byPath?.set(path, left);
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

  /** True when a wait is due that is committed: the database is to confirm it. */
  isDue(now: number): boolean {
    const { dues } = this;
    if (dues === null || now < this.notBefore) return false;
    while (dues.first !== undefined && this.byId?.get(dues.first.id) !== dues.first) dues.pop();
    return (dues.first?.dueAt ?? Infinity) <= now;
  }

  /** The database was asked at this time; what is due and still open is not asked for again at once. */
  asked(now: number): void {
    this.notBefore = 0;
    if (this.isDue(now)) this.notBefore = now + LOOK_AGAIN;
  }

  get askAgainAt(): number {
    return this.notBefore;
  }

  private changed(path: string): void {
    (this.changes ??= new Set()).add(path);
  }

  private push(wait: KnownWait, isChange: boolean): void {
    const byPath = (this.byPath ??= new Map());
    const list = byPath.get(wait.path);
    if (list === undefined) byPath.set(wait.path, [wait]);
    else list.push(wait);
    (this.byId ??= new Map()).set(wait.id, wait);
    if (isChange) this.changed(wait.path);
    if (wait.state !== 'open') return;
    this.openCount++;
    if (this.added?.isAhead(wait.id) !== true) this.expect(wait);
  }

  private expect(wait: KnownWait | undefined): void {
    if (wait?.state === 'open' && wait.dueAt !== null) (this.dues ??= new Heap()).push(wait.dueAt, wait);
  }
}

/** Waits of which this process knows what the database may not. */
class Ahead {
  private readonly ids = new Set<string>();
  /** Those of which the next answer will know. */
  private readonly known = new Set<string>();

  add(id: string): void {
    this.ids.add(id);
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  /** The database does not know of it yet. */
  isAhead(id: string): boolean {
    return this.ids.has(id) && !this.known.has(id);
  }

  get all(): ReadonlySet<string> {
    return this.ids;
  }

  committed(id: string): void {
    this.known.add(id);
  }

  allCommitted(): void {
    for (const id of this.ids) this.known.add(id);
  }

  mark(): void {
    for (const id of this.known) this.ids.delete(id);
    this.known.clear();
  }
}
