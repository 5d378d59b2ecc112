import { decode, encode } from '../../core/codec/codec.js';
import {
  ChildWorkflowError,
  DurableError,
  NonDeterministicStepError,
  SerializationError,
  WaitCancelledError,
  WaitTimeoutError,
} from '../../core/errors/errors.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { textOf } from '../../core/text-of.js';
import { uuidv7 } from '../../core/uuid.js';
import { type WaitKind, waitKey, type WaitSpec } from '../../core/run/wait-spec.js';
import type { PreparedChild } from '../ports/children.js';
import { never, PassTurns } from './pass-turns.js';
import type { InFlight } from '../../core/run/execution.js';
import type { DatabaseClock } from '../time/clock.js';
import type { NewWait } from '../ports/store.js';
import { describeWait, type KnownWait, specOf } from './known-wait.js';

/** A wait as a step asks for it. */
export interface WaitRequest {
  readonly kind: WaitKind;
  /** First part of the wait's key: its name, or what stands for it. */
  readonly name: string;
  readonly names?: readonly string[];
  /** Database time in ms, or null. */
  readonly dueAt: number | null;
  /** ms, for the error. */
  readonly timeout: number | null;
  readonly spec: WaitSpec | null;
  /** Makes what the function gives of what came; not of the value of a timeout. */
  readonly convert?: (came: unknown) => unknown;
}

/** The end of a pass that did not come to the end of its step. */
export type Suspension =
  | { readonly kind: 'waiting'; readonly waits: readonly NewWait[]; readonly children: readonly PreparedChild[] }
  /** It cannot go on: the run is paused with the error. */
  | { readonly kind: 'stuck'; readonly error: DurableError };

interface SuspensionListener {
  suspended(how: Suspension): void;
}

/** The waits of one pass, as the functions of a step ask for them. */
export interface PassWaits {
  /** Tells when the pass is to be dropped, once. */
  whenSuspended(listener: SuspensionListener): void;
  /** Database time in ms. */
  now(): number;
  /** While this runs, the pass is not dropped. */
  keepAlive<T>(work: () => Promise<T>): Promise<T>;
  /** The result of a wait; a promise that never settles where it is not over. */
  ask(request: WaitRequest): Promise<unknown>;
  /** The same for the end of a child; `start` makes it, or finds the one that a ref names. */
  askChild(request: WaitRequest, start: StartChild): Promise<unknown>;
  /** No wait settles any more. */
  stop(): void;
}

export type StartChild = (call: string) => Promise<{ id: string; fresh: PreparedChild | null }>;

const NONE: readonly never[] = [];

/**
 * The waits of one pass of a step. Those that were over when it began give what they came to, in the order in which they
 * ended; the others never settle: when nothing more is to be given or recorded, and a macrotask has passed, the pass is
 * dropped, and all waits asked for by then are kept.
 */
export class StepWaits implements PassWaits {
  private listener: SuspensionListener | null = null;
  private stopped = false;
  /** Made by the first wait, `once` or start of a child: most steps have none. */
  private asked: AskedWaits | null = null;

  constructor(
    private readonly known: readonly KnownWait[],
    private readonly place: InFlight,
    private readonly clock: Pick<DatabaseClock, 'now'>,
    private readonly maxPayloadBytes: number,
    /** Keys of waits that threw in earlier attempts. */
    private readonly threw: readonly string[] = NONE,
  ) {}

  now(): number {
    return this.clock.now();
  }

  whenSuspended(listener: SuspensionListener): void {
    this.listener = listener;
  }

  keepAlive<T>(work: () => Promise<T>): Promise<T> {
    return this.waits.turns.keepAlive(work);
  }

  ask(request: WaitRequest): Promise<unknown> {
    return this.waits.ask(request);
  }

  askChild(request: WaitRequest, start: StartChild): Promise<unknown> {
    return this.waits.askChild(request, start);
  }

  stop(): void {
    this.stopped = true;
    this.asked?.turns.stop();
  }

  private get waits(): AskedWaits {
    if (this.asked === null) {
      const { known, place, maxPayloadBytes, threw } = this;
      this.asked = new AskedWaits(known, place, (how) => this.listener?.suspended(how), maxPayloadBytes, threw);
      if (this.stopped) this.asked.turns.stop();
    }
    return this.asked;
  }
}

/** What a pass has asked for, and what was known of it. */
class AskedWaits {
  readonly turns = new PassTurns(() => this.idle());
  private readonly fresh: NewWait[] = [];
  private readonly children: PreparedChild[] = [];
  private readonly counts = new Map<string, number>();
  private readonly known: ReadonlyMap<string, KnownWait>;
  private readonly met = new Set<string>();
  /** A wait was asked for that is not over. */
  private open = false;

  constructor(
    known: readonly KnownWait[],
    private readonly place: InFlight,
    private readonly suspend: (how: Suspension) => void,
    private readonly maxPayloadBytes: number,
    private readonly threw: readonly string[],
  ) {
    this.known = new Map(known.map((wait) => [wait.key, wait]));
  }

  ask(request: WaitRequest): Promise<unknown> {
    const key = waitKey(request.kind, request.name, this.count(request.kind, request.name));
    const known = this.meet(key);
    return known === undefined ? this.register(key, request, null) : this.outcome(known, request);
  }

  askChild(request: WaitRequest, start: StartChild): Promise<unknown> {
    const key = waitKey('child', request.name, this.count('child', request.name));
    const known = this.meet(key);
    if (known !== undefined) return this.outcome(known, request);
    return this.turns
      .keepAlive(async () => {
        const { id, fresh } = await start(key);
        if (fresh !== null) this.children.push(fresh);
        return { wait: this.register(key, request, id) };
      })
      .then(({ wait }) => wait);
  }

  /** The number of this call among those of its kind and name in the step, from 1. */
  private count(kind: string, name: string): number {
    const key = `${kind}:${name}`;
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return count;
  }

  private meet(key: string): KnownWait | undefined {
    const known = this.known.get(key);
    if (known !== undefined) this.met.add(key);
    return known;
  }

  private register(key: string, request: WaitRequest, childId: string | null): Promise<never> {
    const { path, round, visit, attempt, type, input } = this.place;
    this.fresh.push({
      id: uuidv7(),
      round,
      path,
      visit,
      attempt,
      type,
      input,
      key,
      kind: request.kind,
      names: request.names ?? [],
      childId,
      dueAt: request.dueAt,
      spec: request.spec === null ? null : encode(request.spec, { what: request.name, maxBytes: this.maxPayloadBytes }),
    });
    return this.openEnded();
  }

  private openEnded(): Promise<never> {
    this.open = true;
    this.turns.miss();
    return never();
  }

  private idle(): void {
    if (!this.open) return;
    const mismatch = this.mismatch();
    if (mismatch !== null) this.suspend({ kind: 'stuck', error: mismatch });
    else this.suspend({ kind: 'waiting', waits: this.fresh, children: this.children });
  }

  /**
   * A new wait in a pass that did not come by all recorded ones. Told at its end: of waits side by side, each followed
   * by others, the one that is over first asks for its next before the others are met. One that threw in an earlier attempt
   * is asked for anew, and is none that is new.
   */
  private mismatch(): NonDeterministicStepError | null {
    const threw = new Set(this.threw);
    const asked = this.fresh.find((wait) => !threw.has(wait.key));
    if (asked === undefined || this.met.size === this.known.size) return null;
    const missed = [...this.known.values()].find((wait) => !this.met.has(wait.key));
    if (missed === undefined) return null;
    const recorded = `${describeWait(missed)} (${missed.key})`;
    return new NonDeterministicStepError(
      this.place.step,
      recorded,
      `${describeWait({ ...asked, child: null })} (${asked.key})`,
    );
  }

  /** Settles in its turn. */
  private outcome(wait: KnownWait, request: WaitRequest): Promise<unknown> {
    if (wait.state === 'open') return this.openEnded();
    return new Promise((resolve, reject) => {
      this.turns.offer(wait.ended ?? 0, () => {
        try {
          resolve(cameTo(wait, request));
        } catch (error) {
          // No failure of the step: it would be tried again, or undone, for what the database has lost.
          if (error instanceof Unreadable) this.suspend({ kind: 'stuck', error: error.why });
          else reject(error);
        }
      });
    });
  }
}

/** What is stored of a wait cannot be read. */
class Unreadable {
  readonly why: SerializationError;

  constructor(wait: KnownWait, cause: unknown) {
    this.why = new SerializationError(describeWait(wait), textOf(cause).replace(/\.$/, ''), { cause, reading: true });
  }
}

/** @throws Unreadable */
function stored<T>(wait: KnownWait, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Unreadable(wait, error);
  }
}

/** Returns the value of an ended wait, or throws its error. */
function cameTo(wait: KnownWait, { timeout, convert = same }: WaitRequest): unknown {
  const spec = stored(wait, () => specOf(wait));
  switch (wait.state) {
    case 'cancelled': {
      const reason = wait.result === null ? null : decoded(wait, wait.result);
      throw new WaitCancelledError(describeWait(wait), typeof reason === 'string' ? reason : null);
    }
    case 'timed_out': {
      if (spec !== null && 'timeoutValue' in spec) return spec.timeoutValue;
      throw new WaitTimeoutError(describeWait(wait), timeout, { received: stored(wait, () => receivedOf(wait)) });
    }
    default:
      return convert(valueOf(wait));
  }
}

/** @throws Unreadable */
function decoded(wait: KnownWait, text: string): unknown {
  return stored(wait, () => decode(text));
}

function same(value: unknown): unknown {
  return value;
}

/** True when the wait ended with an error: the next attempt asks for it anew. */
export function hasThrown(wait: KnownWait): boolean {
  if (wait.state === 'cancelled') return true;
  if (wait.state === 'timed_out') return !('timeoutValue' in (specOf(wait) ?? {}));
  return wait.state === 'done' && wait.kind === 'child' && wait.child?.status !== 'completed';
}

/** The error of a wait that timed out and fails the run by that. */
export function fatalTimeout(wait: KnownWait): WaitTimeoutError | null {
  if (wait.state !== 'timed_out' || specOf(wait)?.onTimeout !== 'fail') return null;
  return new WaitTimeoutError(describeWait(wait), null, { received: receivedOf(wait) });
}

function receivedOf(wait: KnownWait): string[] {
  return wait.kind === 'all' && wait.result !== null ? (JSON.parse(wait.result) as string[]) : [];
}

function valueOf(wait: KnownWait): unknown {
  const [first] = wait.events;
  switch (wait.kind) {
    case 'sleep':
      return undefined;
    case 'event':
      return decoded(wait, first?.payload ?? 'null');
    case 'any':
      return [first?.name, decoded(wait, first?.payload ?? 'null')];
    case 'all':
      return Object.fromEntries(wait.events.map(({ name, payload }) => [name, decoded(wait, payload)]));
    case 'input':
      return decoded(wait, wait.result ?? 'null');
    case 'child':
      return childResult(wait);
  }
}

function childResult(wait: KnownWait): unknown {
  const { child, childId, key } = wait;
  if (childId === null) throw new Error('The wait for a child does not name it');
  // Of a run that is unfinished no child is deleted; a run made by restartFrom may ask for one of before.
  if (child === null) throw new ChildWorkflowError(workflowOfKey(key), childId, 'deleted', null);
  if (child.status === 'completed') return decoded(wait, child.data ?? 'null');
  const cause = child.error === null ? null : (decoded(wait, child.error) as StoredError);
  throw new ChildWorkflowError(child.workflow, childId, child.status, cause);
}

/** The workflow of a call, see `waitKey`: a ref stands behind its name. */
function workflowOfKey(key: string): string {
  return key.slice(key.indexOf(':') + 1, key.lastIndexOf(':')).replace(/#.*/s, '');
}
