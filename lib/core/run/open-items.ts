import { Heap } from '../heap.js';
import { locate } from './cursor.js';
import type { WorkflowDefinition } from '../definition/definition.js';
import type { LoopFan, RunState } from './run-state.js';

/** What a look at an item has found. */
export interface ItemLook {
  /** Null: there is nothing to do in it now; 'away': a step of it is on another queue. */
  readonly finds: 'ready' | 'away' | null;
  /** Database time in ms at which something of it is over that it waits for; Infinity: only by what comes. */
  readonly until: number;
  /** The first such time that has not passed; Infinity: none. */
  readonly next: number;
}

/**
 * The open items of a loop, as they were found when they were last looked at. Of thousands that wait, or have failed, a look at
 * the loop goes to those alone that have changed since, or whose time has come, and to as many of those that can go on as
 * there are places.
 */
export class OpenItems {
  /** Items below this have been looked at, or are among the changed ones. */
  private known: number;
  private readonly changes: Set<number>;
  private readonly ready = new Set<number>();
  private readonly away = new Set<number>();
  /** Those that were ready, and may be no more, by index: each is in it once. */
  private readonly queue = new Heap<number>();
  private readonly queued = new Set<number>();
  private readonly untils = new Times();
  private readonly nexts = new Times();

  constructor(fan: LoopFan) {
    this.known = fan.next;
    this.changes = new Set(Object.keys(fan.open).map(Number));
  }

  changed(index: number): void {
    this.changes.add(index);
  }

  /** Those that are to be looked at: what has changed, what is new, and what is due by now. */
  takeChanged(next: number, now: number): number[] {
    for (; this.known < next; this.known++) this.changes.add(this.known);
    // What is over by now and not known to be is waited for in vain until that changes: it is no reason to look.
    for (const index of this.nexts.takeUpTo(now)) this.changes.add(index);
    const taken = [...this.changes].sort((one, other) => one - other);
    this.changes.clear();
    return taken;
  }

  /** An item was begun just now, and is looked at. */
  begun(index: number): void {
    this.known = index + 1;
  }

  looked(index: number, { finds, until, next }: ItemLook): void {
    if (finds === 'ready') this.ready.add(index);
    else this.ready.delete(index);
    if (finds === 'away') this.away.add(index);
    else this.away.delete(index);
    if (finds === 'ready' && !this.queued.has(index)) {
      this.queued.add(index);
      this.queue.push(index, index);
    }
    this.untils.set(index, until);
    this.nexts.set(index, next);
  }

  /** Items in which something can go on, or is under way. */
  get active(): number {
    return this.ready.size + this.away.size;
  }

  /** Database time in ms at which the first of them is due; Infinity: none. */
  get until(): number {
    return this.untils.first;
  }

  /** The first that has not passed. */
  get next(): number {
    return this.nexts.first;
  }

  /** The first active ones, so many at most; those in which something runs come first. @param running of those, by index */
  first(count: number, running: Iterable<number>): number[] {
    const runs = new Set(this.away);
    for (const index of running) if (this.ready.has(index)) runs.add(index);
    const chosen = [...runs].sort((one, other) => one - other).slice(0, count);
    const passed: number[] = [];
    for (let index = this.queue.first; index !== undefined && chosen.length < count; index = this.queue.first) {
      this.queue.pop();
      if (this.ready.has(index)) passed.push(index);
      else this.queued.delete(index);
      if (this.ready.has(index) && !runs.has(index)) chosen.push(index);
    }
    for (const index of passed) this.queue.push(index, index);
    return chosen;
  }
}

/** A time for each of many items, and the first of these. */
class Times {
  private readonly times = new Map<number, number>();
  /** The same, with entries that do not hold any more. */
  private readonly queue = new Heap<{ readonly index: number; readonly time: number }>();

  /** @param time Infinity: none */
  set(index: number, time: number): void {
    if (time === Infinity) this.times.delete(index);
    else if (this.times.get(index) !== time) {
      this.times.set(index, time);
      this.queue.push(time, { index, time });
    }
  }

  /** Infinity: there is none. */
  get first(): number {
    for (let entry = this.queue.first; entry !== undefined; entry = this.queue.first) {
      if (this.times.get(entry.index) === entry.time) return entry.time;
      this.queue.pop();
    }
    return Infinity;
  }

  takeUpTo(time: number): number[] {
    const taken: number[] = [];
    while (this.first <= time) {
      const index = this.queue.pop()?.index ?? 0;
      this.times.delete(index);
      taken.push(index);
    }
    return taken;
  }
}

/** The open items of all loops of a run that were looked at, and what has changed in them since. */
export class OpenLoops {
  private readonly loops = new WeakMap<LoopFan, OpenItems>();

  of(fan: LoopFan): OpenItems {
    let items = this.loops.get(fan);
    if (items === undefined) {
      items = new OpenItems(fan);
      this.loops.set(fan, items);
    }
    return items;
  }

  /** Something has changed at that path: a cursor, or what its step waits for. */
  changed(definition: WorkflowDefinition, state: RunState, path: string): void {
    locate(definition, state, path, ({ sequence }, key) => {
      const fan = sequence.step?.fan;
      if (fan?.kind === 'forEach') this.loops.get(fan)?.changed(Number(key));
    });
  }
}
