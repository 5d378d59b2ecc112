import { callToJson, kindOf } from '../codec/codec-kinds.js';
import { read } from '../text-of.js';
import { PathState } from './path-state.js';

/** Stands in the place of what is not shown. */
export const REDACTED = '[redacted]';

/** As deep as payloads go. */
const MAX_DEPTH = 1_000;
/** Of what is logged; loggers print less. */
const LOG_DEPTH = 20;
/** Of one thing that is logged: objects looked at, and items of one list. A logger may be given half the app. */
const MOST_LOGGED = 10_000;

/** Fields of an error that hold errors, or what was thrown in the place of one. */
const NESTED = new Set<unknown>(['cause', 'errors', 'thrown']);

/** A field whose value is only known by calling its getter. */
const GETTER = Symbol('getter');

/** By which Node's `util.inspect` lets an object show itself. */
const SHOW = Symbol.for('nodejs.util.inspect.custom');

/** Logged objects are walked also where no path leads, since an object there may be reached by a path elsewhere. */
const NOWHERE = PathState.nowhere();

/**
 * One walk over a value. Gives a copy without what the paths hide, in which everything else is the very value that it
 * was; where nothing is hidden, the value.
 *
 * Payloads are trees of plain data. What is logged may be anything: instances keep their class, getters are not called,
 * what leads back to where the walk is gives way to `[Circular]`, since it would lead out of the copy; and what is too
 * much to look at, or shows itself by code of its own, is hidden, where a path could lead there.
 */
export class RedactWalk {
  /** Something is not shown. */
  hidden = false;
  private depth = 0;
  private looked = 0;
  private readonly parents = new Set<unknown>();

  constructor(
    private readonly root: PathState,
    private readonly isLog: boolean,
  ) {}

  value(value: unknown, place = this.root): unknown {
    if (place.hides) return this.hide();
    return typeof value === 'object' && value !== null ? this.visit(value, place, false) : value;
  }

  /** Redacts the fields of an object that stays an object even if a path hides all of it. */
  fields(value: object): object {
    return this.fieldsOf(value, this.root, false);
  }

  /** An error or its record: paths begin anew at it, and at each that it holds. It stays one, whatever they hide. */
  error(error: object, place: PathState | null = null): object {
    return this.fieldsOf(error, place === null ? this.root : place.with(this.root), true);
  }

  private visit(value: object, place: PathState, isError: boolean): unknown {
    if (this.isLog && this.parents.has(value)) return '[Circular]';
    this.looked += 1;
    const full = this.isLog ? this.depth >= LOG_DEPTH || this.looked > MOST_LOGGED : this.depth >= MAX_DEPTH;
    if (full) return place === NOWHERE && !isError ? value : this.hide();
    if (this.isLog && place !== NOWHERE && showsItself(value)) return this.hide();
    this.depth += 1;
    if (this.isLog) this.parents.add(value);
    const shown = isError ? this.error(value, place) : this.inside(value, place);
    if (this.isLog) this.parents.delete(value);
    this.depth -= 1;
    return shown;
  }

  private inside(value: object, place: PathState): object {
    if (Array.isArray(value)) {
      const leads = this.isLog || place.rest !== null || place.namesIndex;
      return leads ? this.list(value, place, (item, next) => this.at(item, next)) : value;
    }
    if (ArrayBuffer.isView(value)) return value;
    const kind = kindOf(value);
    if (kind === 'map' || value instanceof Map) return this.map(value as Map<unknown, unknown>, place);
    if (kind === 'set' || value instanceof Set) return this.set(value as Set<unknown>, place);
    if (kind === 'error') return this.error(value, place);
    return kind === 'plain' || kind === 'json' || kind === 'refused' ? this.fieldsOf(value, place, false) : value;
  }

  private fieldsOf(value: object, place: PathState, isError: boolean): object {
    let copy: object | null = null;
    for (const key of this.isLog ? Reflect.ownKeys(value) : Object.keys(value)) {
      const next = this.below(place, typeof key === 'string' ? key : null);
      const before = this.isLog ? readField(value, key) : (value as Record<PropertyKey, unknown>)[key];
      const after = isError && NESTED.has(key) ? this.nested(before, next) : this.field(before, next);
      if (Object.is(after, before)) continue;
      copy ??= this.isLog ? copyOf(value) : { ...value };
      setField(copy, key, after);
    }
    if (isError && copy !== null) hideInStack(value, copy);
    return copy ?? value;
  }

  private field(value: unknown, place: PathState | null): unknown {
    if (value !== GETTER || place?.hides === true) return this.at(value, place);
    if (place === NOWHERE) return value;
    this.hidden = true;
    return '[Getter]';
  }

  /** Redacts a value that an error holds; `place` null: no path leads there from outside. */
  private nested(value: unknown, place: PathState | null): unknown {
    if (place?.hides === true) {
      const hidden = this.hide();
      return isErrorLike(value) ? { name: hidden, message: hidden } : hidden;
    }
    if (Array.isArray(value)) return this.list(value, place ?? NOWHERE, (item, next) => this.nested(item, next));
    if (isErrorLike(value)) return this.visit(value, place ?? NOWHERE, true);
    return this.field(value, place === null ? this.root : place.with(this.root));
  }

  private list(
    list: readonly unknown[],
    place: PathState,
    show: (item: unknown, place: PathState | null) => unknown,
  ): readonly unknown[] {
    const end = this.isLog ? Math.min(list.length, MOST_LOGGED) : list.length;
    let copy: unknown[] | null = null;
    for (let at = 0; at < end; at++) {
      const next = this.below(place, place.namesIndex ? String(at) : null);
      const before = list[at];
      const after = show(before, next);
      if (Object.is(after, before)) continue;
      copy ??= list.slice();
      copy[at] = after;
    }
    if (end < list.length && place !== NOWHERE) copy = [...(copy ?? list).slice(0, end), this.hide()];
    return copy ?? list;
  }

  /** Keys that are strings or numbers can be named; in a key that is an object things are hidden as in a value. */
  private map(map: Map<unknown, unknown>, place: PathState): object {
    const copy = new Map<unknown, unknown>();
    let same = true;
    Map.prototype.forEach.call(map, (item, key) => {
      const name = typeof key === 'string' || typeof key === 'number' ? String(key) : null;
      const shownKey = typeof key === 'object' && key !== null ? this.at(key, this.below(place, null)) : key;
      const shown = this.at(item, this.below(place, name));
      same &&= Object.is(shown, item) && Object.is(shownKey, key);
      copy.set(shownKey, shown);
    });
    return same ? map : copy;
  }

  private set(set: Set<unknown>, place: PathState): object {
    const copy = new Set<unknown>();
    let at = 0;
    let same = true;
    Set.prototype.forEach.call(set, (item) => {
      const shown = this.at(item, this.below(place, place.namesIndex ? String(at) : null));
      same &&= Object.is(shown, item);
      copy.add(shown);
      at += 1;
    });
    return same ? set : copy;
  }

  private at(value: unknown, place: PathState | null): unknown {
    return place === null ? value : this.value(value, place);
  }

  /** Null: there is nothing to look for. */
  private below(place: PathState, key: string | null): PathState | null {
    return place.below(key) ?? (this.isLog ? NOWHERE : null);
  }

  private hide(): string {
    this.hidden = true;
    return REDACTED;
  }
}

function isErrorLike(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (kindOf(value) === 'error') return true;
  const { name, message } = value as { name?: unknown; message?: unknown };
  return typeof name === 'string' && typeof message === 'string';
}

/** A `Headers`, a `Response`: what is seen of it stands in no field. A value by itself, as its JSON tells, has no fields either. */
function showsItself(value: object): boolean {
  if (ArrayBuffer.isView(value) || typeof read(value, SHOW) !== 'function') return false;
  const kind = kindOf(value);
  if (kind !== 'json') return kind === 'plain' || kind === 'refused';
  const json = callToJson(value, '');
  return typeof json === 'object' && json !== null;
}

/** The stack of an error is an accessor in newer versions of V8. */
function readField(value: object, key: PropertyKey): unknown {
  const field = Object.getOwnPropertyDescriptor(value, key);
  if (field === undefined || 'value' in field) return field?.value;
  return key === 'stack' && kindOf(value) === 'error' ? Reflect.get(value, key) : GETTER;
}

/** With all own fields, also of what is frozen, as they are. */
function copyOf(value: object): object {
  const fields: Record<PropertyKey, PropertyDescriptor> = Object.getOwnPropertyDescriptors(value);
  for (const key of Reflect.ownKeys(fields)) setField(fields, key, { ...fields[key], configurable: true });
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (kindOf(value) !== 'error') return Object.create(prototype, fields) as object;
  // Shown as an error only if it is made as one.
  const stack = readField(value, 'stack');
  const copy: object = new Error();
  Object.setPrototypeOf(copy, prototype);
  Object.defineProperties(copy, fields);
  Object.defineProperty(copy, 'stack', { value: stack, writable: true, enumerable: false, configurable: true });
  return copy;
}

/** A stack begins with the message. */
function hideInStack(error: object, copy: object): void {
  const message = readField(error, 'message');
  const stack = readField(error, 'stack');
  if (typeof message !== 'string' || message === '' || typeof stack !== 'string') return;
  if (readField(copy, 'message') === message || readField(copy, 'stack') !== stack) return;
  const at = stack.indexOf(message);
  const rest = at < 0 ? REDACTED : stack.slice(0, at) + REDACTED + stack.slice(at + message.length);
  setField(copy, 'stack', rest);
}

/** Keeps what kind of field it is. Assigning to `__proto__` would set the prototype. */
function setField(target: object, key: PropertyKey, value: unknown): void {
  const enumerable = Object.getOwnPropertyDescriptor(target, key)?.enumerable ?? true;
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}
