import { describe } from './describe.js';
import { InvalidInputError } from './errors/errors-execution.js';
import { isUuid } from './uuid.js';

/**
 * Limits of length and size for all that callers give: one table for the client, the functions of a step and the
 * decorators, so that a name that one of them takes is found by the others.
 */

/** A kind of text: which ones are of it, and how an error says so. */
export interface TextRule {
  readonly fits: (text: string) => boolean;
  readonly expected: string;
}

/** Names of workflows, members and schedules, characters: they stand in paths, indexes and log lines. */
export const MAX_NAME_LENGTH = 200;
/** Names of queues and instances, characters: they stand in notifications and on command lines too. */
const MAX_QUEUE_LENGTH = 64;
/** Characters of a name or key; in UTF-8 at most 2048 bytes, where an index entry holds 2700. */
const MAX_KEY_LENGTH = 512;
/** Names in one wait. */
export const MAX_NAMES = 1_000;
/** Tags of one run. */
export const MAX_TAGS = 64;
const MAX_REASON_LENGTH = 10_000;

/** A hundred years, ms: what is longer is a date in ms, or a mistake. */
export const MAX_DURATION = 100 * 365.25 * 86_400_000;
/** ms: Node runs a timer of more than this at once. */
export const LONGEST_TIMER = 2_147_483_647;
/** Whole numbers of 32 bits. */
export const PRIORITY = { min: -2_147_483_648, max: 2_147_483_647 };

export const NAME: TextRule = {
  fits: (text) => text.trim() !== '' && text.length <= MAX_NAME_LENGTH && isPlain(text),
  expected: `a name of 1 to ${MAX_NAME_LENGTH} characters without control characters`,
};

export const QUEUE_NAME: TextRule = {
  fits: (text) => text.trim() !== '' && text.length <= MAX_QUEUE_LENGTH && isPlain(text),
  expected: `a queue name of 1 to ${MAX_QUEUE_LENGTH} characters without control characters`,
};

export const INSTANCE_NAME: TextRule = { fits: QUEUE_NAME.fits, expected: QUEUE_NAME.expected.replace(' queue', '') };

/** Names of events and inputs, of `once`, refs, dedupe keys and idempotency keys. */
export const KEY: TextRule = {
  fits: (text) => text !== '' && text.length <= MAX_KEY_LENGTH && isStorable(text),
  expected: `a string of 1 to ${MAX_KEY_LENGTH} characters without NUL and halves of surrogate pairs`,
};

export const TAG: TextRule = {
  fits: (text) => text.length <= MAX_KEY_LENGTH && isStorable(text),
  expected: `a string of at most ${MAX_KEY_LENGTH} characters without NUL and halves of surrogate pairs`,
};

export const UUID: TextRule = { fits: isUuid, expected: 'a UUID' };

export const REASON: TextRule = {
  fits: (text) => text.length <= MAX_REASON_LENGTH,
  expected: `a string of at most ${MAX_REASON_LENGTH} characters`,
};

export const DURATION = 'a number of ms, at least 0 and at most 100 years';
export const DATE = 'a Date between the years 1 and 9999';

/** ms, fractions allowed. */
export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION;
}

/** A Date, of another realm too, that both PostgreSQL and its text hold. */
export function isDate(value: unknown): value is Date {
  try {
    // By its inner slot, which no other object has, whatever it calls itself.
    const time = Date.prototype.getTime.call(value);
    return time >= FIRST_DATE && time < LAST_DATE;
  } catch {
    return false;
  }
}

/** Events of a run that no wait has taken, at most; durable.is_mailbox_full says the same. */
export const MAX_UNTAKEN_EVENTS = 10_000;

const FIRST_DATE = new Date(0).setUTCFullYear(1, 0, 1);
const LAST_DATE = Date.UTC(10_000, 0, 1);

/** An argument that is a text of this kind. @throws InvalidInputError */
export function checkText(what: string, path: string, value: unknown, rule: TextRule): string {
  if (typeof value === 'string' && rule.fits(value)) return value;
  throw refused(what, path, rule.expected, value);
}

/** An argument that is a number of ms. @throws InvalidInputError */
export function checkDuration(what: string, path: string, value: unknown): number {
  if (isDuration(value)) return value;
  throw refused(what, path, DURATION, value);
}

export function refused(what: string, path: string, expected: string, value: unknown): InvalidInputError {
  return new InvalidInputError(what, [{ path, message: `expected ${expected}, got ${describe(value)}` }]);
}

/** Neither `text` nor `json` of PostgreSQL takes NUL; half of a surrogate pair comes back as another character. */
export function isStorable(text: string): boolean {
  return !/[\0\p{Cs}]/u.test(text);
}

/** A text as it can be stored, of so many characters at most: no NUL, and in the place of halves of surrogate pairs U+FFFD. */
export function storable(text: string, longest: number): string {
  return text
    .slice(0, longest)
    .replaceAll('\0', '')
    .replace(/\p{Cs}/gu, '\uFFFD');
}

function isPlain(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}
