import type { EntityManager } from 'typeorm';
import { MAX_TAGS, PRIORITY, QUEUE_NAME, TAG, type TextRule, UUID } from '../core/limits.js';
import { Faults, listOf, OptionReader, readOptions } from '../core/option-reader.js';
import { read as property } from '../core/text-of.js';

/** Options of `start()`. */
export interface StartOptions {
  /** Id of the run, a UUID; `ExecutionExistsError` where it is taken. Default: a new UUIDv7. */
  id?: string;
  /**
   * The same key for the same workflow gives the same run, however often and wherever it is started; with another
   * input `IdempotencyConflictError`. At most 512 characters, not beginning with `schedule:`. Default: none.
   */
  idempotencyKey?: string;
  /** Queue of the run. Default: the workflow's. */
  queue?: string;
  /** Higher first; a whole number of 32 bits. Default: the workflow's. */
  priority?: number;
  /** Earliest time of its first claim; a time in the past is now. Default: now. */
  scheduledAt?: Date;
  /** ms until its first claim may be, in place of `scheduledAt`. Default: 0. */
  delay?: number;
  /** Tags, by which lists find it. Default: none. */
  tags?: Readonly<Record<string, string>>;
  /** The run exists if and only if the transaction of this EntityManager commits. Default: a transaction of its own. */
  manager?: EntityManager;
}

/** One run of `startMany()`. */
export interface StartManyItem<I = object> extends Omit<StartOptions, 'manager'> {
  readonly input: I;
}

/** Options of all runs of `startMany()`, where an item has none of its own. */
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

/** Each due time of a schedule is one run by its key. */
const RESERVED = 'schedule:';

/** @throws InvalidInputError with everything that is wrong */
export function readStartOptions(options: unknown): ReadStartOptions {
  return readOptions('The options of start()', options, (read) => readOne(read, ['id', 'idempotencyKey', 'manager']));
}

/**
 * The items of `startMany()` with what they share filled in, and their inputs.
 * @throws InvalidInputError with everything that is wrong
 */
export function readStartMany(items: unknown, shared: unknown): { input: unknown; options: ReadStartOptions }[] {
  const faults = new Faults();
  const common = OptionReader.of(faults, 'shared', shared);
  const defaults = common === null ? NOTHING : readOne(common, ['manager']);
  common?.refuseOthers();
  const given = listOf(items);
  if (given === null) faults.expected('items', 'a list of { input, …options }', items);
  const list = (given ?? []).map((item, index) => {
    const read = OptionReader.of(faults, `items[${index}]`, item);
    const input = read?.take('input');
    const own = read === null ? NOTHING : readOne(read, ['id', 'idempotencyKey']);
    read?.refuseOthers();
    // `delay: 0` and `tags: {}` say something too.
    const says = (key: string): boolean => read?.take(key) !== undefined;
    const timed = says('scheduledAt') || says('delay');
    return {
      input,
      options: {
        id: own.id,
        idempotencyKey: own.idempotencyKey,
        queue: own.queue ?? defaults.queue,
        priority: own.priority ?? defaults.priority,
        scheduledAt: timed ? own.scheduledAt : defaults.scheduledAt,
        delayMs: timed ? own.delayMs : defaults.delayMs,
        tags: says('tags') ? own.tags : defaults.tags,
        manager: defaults.manager,
      },
    };
  });
  faults.refuse('The arguments of startMany()');
  return list;
}

/** Of a start alone: what has a key of the app's own is found by that. */
const RUN_ID: TextRule = {
  fits: UUID.fits,
  expected: "a UUID (a key of the app's own, such as the number of an order, is its idempotencyKey or a tag)",
};

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
    id: also.includes('id') ? (read.text('id', null, RUN_ID)?.toLowerCase() ?? null) : null,
    idempotencyKey: also.includes('idempotencyKey') ? readIdempotencyKey(read) : null,
    queue: read.text('queue', null, QUEUE_NAME),
    priority: read.integer('priority', null, PRIORITY),
    scheduledAt: read.date('scheduledAt')?.toISOString() ?? null,
    delayMs: read.duration('delay', 0),
    tags: readTags(read, 'tags'),
    manager: also.includes('manager') ? readManager(read) : null,
  };
  if (read.take('delay') !== undefined && read.take('scheduledAt') !== undefined) {
    read.fault('delay', 'says when the run begins, and so does scheduledAt: give one of them');
  }
  return result;
}

function readIdempotencyKey(read: OptionReader): string | null {
  const key = read.text('idempotencyKey', null);
  if (key?.startsWith(RESERVED) === true) {
    read.fault('idempotencyKey', `begins with "${RESERVED}", as those of runs that a schedule starts: choose another`);
  }
  return key;
}

export function readTags(read: OptionReader, key: string): Record<string, string> | null {
  const tags = read.object(key);
  if (!tags) return null;
  const found: [string, string][] = [];
  for (const name of tags.keys()) {
    const tag = tags.take(name);
    if (TAG.fits(name) && typeof tag === 'string' && TAG.fits(tag)) found.push([name, tag]);
    else tags.expected(name, TAG.expected, tag);
  }
  if (found.length > MAX_TAGS) read.fault(key, `expected at most ${MAX_TAGS} tags, got ${found.length}`);
  return found.length === 0 ? null : Object.fromEntries(found);
}

export function readManager(read: OptionReader): EntityManager | null {
  const value = read.take('manager');
  if (value === undefined) return null;
  // By its looks: the app's TypeORM may be another copy than the one this package finds.
  if (typeof property(value, 'query') === 'function' && typeof property(value, 'connection') === 'object') {
    return value as EntityManager;
  }
  read.expected('manager', 'a TypeORM EntityManager', value);
  return null;
}
