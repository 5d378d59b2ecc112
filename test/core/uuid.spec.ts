import { isUuid, uuidv7 } from '../../lib/core/uuid.js';

const V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const timeOf = (id: string): number => parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** Later than every other test's, so that each starts with a time of its own. */
let base = Date.now() + 1_000_000;
beforeEach(() => {
  base += 1_000_000;
});

it('is a version 7 UUID of its time', () => {
  const id = uuidv7(base);
  expect(id).toMatch(V7);
  expect(timeOf(id)).toBe(base);
  expect(timeOf(uuidv7(base + 0.7))).toBe(base);
});

it('each sorts after the one before, within a ms too, and none comes twice', () => {
  const ids = Array.from({ length: 50_000 }, (_, i) => uuidv7(base + Math.floor(i / 10_000)));
  expect(ids.every((id) => V7.test(id))).toBe(true);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(49_000);
});

it('goes on upwards when the clock is set back a little, and follows it when it is set back far', () => {
  const first = uuidv7(base);
  const second = uuidv7(base - 9_000);
  expect(second > first).toBe(true);
  expect(timeOf(uuidv7(base - 20_000))).toBe(base - 20_000);
});

it('takes the clock when no time is given', () => {
  const before = Date.now();
  const time = timeOf(uuidv7());
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThanOrEqual(Date.now());
});

it.each<[unknown, boolean]>([
  [uuidv7(), true],
  ['0197A3F0-0000-7000-8000-000000000000', true],
  ['00000000-0000-0000-0000-000000000000', true],
  ['0197a3f0000070008000000000000000', false],
  ['{0197a3f0-0000-7000-8000-000000000000}', false],
  ['0197a3f0-0000-7000-8000-000000000000\n', false],
  ['0197a3f0-0000-7000-8000-00000000000g', false],
  ['', false],
  [5, false],
  [null, false],
])('isUuid(%p) is %p', (text, expected) => {
  expect(isUuid(text)).toBe(expected);
});
