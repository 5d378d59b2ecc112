import type { EntityManager } from 'typeorm';
import { InvalidInputError } from './core/errors.js';
import { isUuid } from './core/uuid.js';
import { Faults, given, isObject, isPlainName, OptionReader } from './durable.options-check.js';

/** How a run is started. */
export interface StartOptions {
  /** Id of the run, a UUID; `ExecutionExistsError` where it is taken. Default: a new UUIDv7. */
  id?: string;
  /**
   * The same key for the same workflow gives the same run, however often and wherever it is started; with another
   * input `IdempotencyConflictError`. At most 512 characters. Default: none.
   */
  idempotencyKey?: string;
  /** Default: the workflow's. */
  queue?: string;
  /** Higher first; a whole number of 32 bits. Default: the workflow's. */
  priority?: number;
  /** When it may begin; a time in the past is now. Default: now. */
  scheduledAt?: Date;
  /** ms until it may begin, instead of `scheduledAt`. Default: 0. */
  delay?: number;
  /** What it can be found by later. Default: none. */
  tags?: Readonly<Record<string, string>>;
  /** The run exists if and only if the transaction of this EntityManager commits. Default: a transaction of its own. */
  manager?: EntityManager;
}

/** One run of `startMany()`. */
export interface StartManyItem<I = object> extends Omit<StartOptions, 'manager'> {
  readonly input: I;
}

/** What all runs of `startMany()` have in common, where an item says nothing else. */
export type SharedStartOptions = Omit<StartOptions, 'id' | 'idempotencyKey'>;

/** Start options as they were read. */
export interface ReadStartOptions {
  readonly id: string | null;
  readonly idempotencyKey: string | null;
  readonly queue: string | null;
  readonly priority: number | null;
  /** ISO text. */
  readonly scheduledAt: string | null;
  /** ms; 0: at once. */
  readonly delayMs: number;
  readonly tags: Readonly<Record<string, string>> | null;
  readonly manager: EntityManager | null;
}

const INT32 = { min: -2_147_483_648, max: 2_147_483_647 };
/** A hundred years: what is longer is a date in ms, or a mistake. */
const LONGEST_DELAY = 100 * 365.25 * 86_400_000;
/** In UTF-8 at most 2048 bytes: an index entry holds 2700, with the workflow's name. */
const LONGEST_KEY = 512;
/** An index entry of one tag, too. */
const LONGEST_TAG = 512;
const MOST_TAGS = 64;
const KEY_RULE = `a string of 1 to ${LONGEST_KEY} characters without NUL and halves of surrogate pairs`;
const QUEUE_RULE = 'a queue name of 1 to 64 characters without control characters';

/** @throws InvalidInputError with everything that is wrong */
export function readStartOptions(options: unknown): ReadStartOptions {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', options);
  const result = read === null ? NOTHING : readOne(read, ['id', 'idempotencyKey', 'manager']);
  refuse('The options of start()', faults);
  return result;
}

/**
 * The items of `startMany()` with what they share filled in, and their inputs.
 * @throws InvalidInputError with everything that is wrong
 */
export function readStartMany(items: unknown, shared: unknown): { input: unknown; options: ReadStartOptions }[] {
  const faults = new Faults();
  const common = OptionReader.of(faults, 'shared', shared);
  const defaults = common === null ? NOTHING : readOne(common, ['manager']);
  if (!Array.isArray(items)) faults.add('items', `expected a list of { input, …options }, got ${given(items)}`);
  const list = (Array.isArray(items) ? items : []).map((item: unknown, index) => {
    const read = OptionReader.of(faults, `items[${index}]`, item);
    const input = read?.take('input');
    const own = read === null ? NOTHING : readOne(read, ['id', 'idempotencyKey']);
    const timed = own.scheduledAt !== null || own.delayMs > 0;
    return {
      input,
      options: {
        id: own.id,
        idempotencyKey: own.idempotencyKey,
        queue: own.queue ?? defaults.queue,
        priority: own.priority ?? defaults.priority,
        scheduledAt: timed ? own.scheduledAt : defaults.scheduledAt,
        delayMs: timed ? own.delayMs : defaults.delayMs,
        tags: own.tags ?? defaults.tags,
        manager: defaults.manager,
      },
    };
  });
  refuse('The arguments of startMany()', faults);
  return list;
}

const NOTHING: ReadStartOptions = {
  id: null,
  idempotencyKey: null,
  queue: null,
  priority: null,
  scheduledAt: null,
  delayMs: 0,
  tags: null,
  manager: null,
};

function readOne(read: OptionReader, also: readonly ('id' | 'idempotencyKey' | 'manager')[]): ReadStartOptions {
  const result: ReadStartOptions = {
    id: also.includes('id') ? (read.text('id', null, isUuid, 'a UUID')?.toLowerCase() ?? null) : null,
    idempotencyKey: also.includes('idempotencyKey') ? read.text('idempotencyKey', null, isKey, KEY_RULE) : null,
    queue: read.text('queue', null, isPlainName, QUEUE_RULE),
    priority: read.integer('priority', null, INT32),
    scheduledAt: readDate(read, 'scheduledAt')?.toISOString() ?? null,
    delayMs: readDelay(read),
    tags: readTags(read, 'tags'),
    manager: also.includes('manager') ? readManager(read) : null,
  };
  if (read.take('delay') !== undefined && read.take('scheduledAt') !== undefined) {
    read.fault('delay', 'says when the run begins, and so does scheduledAt: give one of them');
  }
  read.refuseOthers();
  return result;
}

/** A date that PostgreSQL and a Date both hold. */
export function readDate(read: OptionReader, key: string): Date | null {
  const value = read.take(key);
  if (value === undefined) return null;
  const time = isDate(value) ? value.getTime() : NaN;
  if (time >= Date.UTC(1, 0, 1) && time < Date.UTC(10_000, 0, 1)) return new Date(time);
  read.fault(key, `expected a Date between the years 1 and 9999, got ${given(value)}`);
  return null;
}

export function readTags(read: OptionReader, key: string): Record<string, string> | null {
  const tags = read.object(key);
  if (!tags) return null;
  const found: [string, string][] = [];
  for (const name of tags.keys()) {
    const tag = tags.take(name);
    if (isTag(name) && isTag(tag)) found.push([name, tag]);
    else tags.fault(name, `expected a string of at most ${LONGEST_TAG} characters without NUL, got ${given(tag)}`);
  }
  if (found.length > MOST_TAGS) read.fault(key, `expected at most ${MOST_TAGS} tags, got ${found.length}`);
  return found.length === 0 ? null : Object.fromEntries(found);
}

function readDelay(read: OptionReader): number {
  const value = read.take('delay');
  if (value === undefined) return 0;
  if (typeof value === 'number' && value >= 0 && value <= LONGEST_DELAY) return value;
  read.fault('delay', `expected a number of ms, at least 0 and at most 100 years, got ${given(value)}`);
  return 0;
}

export function readManager(read: OptionReader): EntityManager | null {
  const value = read.take('manager');
  if (value === undefined) return null;
  // By its looks: the app's TypeORM may be another copy than the one this package finds.
  if (isObject(value) && typeof value['query'] === 'function' && isObject(value['connection'])) {
    return value as unknown as EntityManager;
  }
  read.fault('manager', `expected a TypeORM EntityManager, got ${given(value)}`);
  return null;
}

function isDate(value: unknown): value is Date {
  return Object.prototype.toString.call(value) === '[object Date]';
}

function isKey(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_KEY && isStorable(text);
}

function isTag(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_TAG && isStorable(value);
}

/** jsonb and text take neither NUL nor half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !/[\0\p{Cs}]/u.test(text);
}

export function refuse(what: string, faults: Faults): void {
  if (faults.list.length > 0) throw new InvalidInputError(what, faults.list);
}
