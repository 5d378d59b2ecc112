/** Ids per request for randomness: one such call costs as much as 100 ids. */
const BATCH = 256;
const WORDS_PER_ID = 3;
/** A clock set back by less (a leap second, a correction) does not take the ids back with it. */
const TRUSTED_STEP_BACK = 10_000;
const COUNTER_END = 2 ** 32;

const pool = new Uint32Array(BATCH * WORDS_PER_ID);
let used = pool.length;
let lastTime = -Infinity;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562): `now` in ms (default: the clock), a 32-bit counter, 42 random bits. Each id of a
 * process sorts after the one before (section 6.2, method 1), also within a ms and when the clock is set back by up to
 * 10 s. The counter starts at a random number below 2^31 in each ms, and borrows the next ms when it is full.
 */
export function uuidv7(now: number = Date.now()): string {
  if (used === pool.length) {
    globalThis.crypto.getRandomValues(pool);
    used = 0;
  }
  const seed = pool[used] ?? 0;
  const high = pool[used + 1] ?? 0;
  const low = pool[used + 2] ?? 0;
  used += WORDS_PER_ID;
  const time = Math.floor(now);
  if (time > lastTime || time < lastTime - TRUSTED_STEP_BACK) {
    lastTime = time;
    counter = seed >>> 1;
  } else {
    counter += 1;
    if (counter === COUNTER_END) {
      lastTime += 1;
      counter = seed >>> 1;
    }
  }
  return format(lastTime, counter, high, low);
}

/** 48 bits of time, version, 12 bits of counter, variant, 20 bits of counter, 42 random bits. */
function format(time: number, count: number, high: number, low: number): string {
  const stamp = hex(time, 12);
  const countHigh = count >>> 20;
  const countLow = count & 0xfffff;
  const tail = hex(((countLow & 0x3f) << 10) | (high & 0x3ff), 4);
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${hex(countHigh, 3)}-${hex(0x8000 | (countLow >>> 6), 4)}-${tail}${hex(low, 8)}`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0');
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** True for a UUID of any version, as PostgreSQL writes them. */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}
