import { append, assign, get, has, increment, remove, update } from 'nest-durable/helpers';

type Any = Record<string, unknown>;

/** Frozen, so that a change of it throws. */
const data = Object.freeze({
  a: 1,
  list: Object.freeze([1]) as number[],
  nested: Object.freeze({ x: 1 }),
  nothing: null,
});

describe('each returns a new object', () => {
  it.each([
    ['assign(data, key, value)', () => assign(data, 'b', 2), { ...data, b: 2 }],
    ['assign over a key', () => assign(data, 'a', 2), { ...data, a: 2 }],
    ['assign(data, object)', () => assign(data, { a: 3, c: 4 }), { ...data, a: 3, c: 4 }],
    ['assign is shallow', () => assign(data, { nested: { y: 2 } }), { ...data, nested: { y: 2 } }],
    ['update(data, key, fn)', () => update(data, 'a', (a) => a + 1), { ...data, a: 2 }],
    ['update of null', () => update(data, 'nothing', (value) => [value]), { ...data, nothing: [null] }],
    ['update with a fallback that is not needed', () => update(data, 'a', 5, (a) => a + 1), { ...data, a: 2 }],
    ['append', () => append(data, 'list', 2), { ...data, list: [1, 2] }],
    ['append where nothing is', () => append(data, 'other', 2), { ...data, other: [2] }],
    ['increment', () => increment(data, 'a'), { ...data, a: 2 }],
    ['increment by', () => increment(data, 'a', 10), { ...data, a: 11 }],
    ['increment where nothing is', () => increment(data, 'n'), { ...data, n: 1 }],
    ['remove', () => remove(data, 'a'), { list: [1], nested: { x: 1 }, nothing: null }],
    ['remove of a missing key', () => remove(data as Any, 'zzz'), { ...data }],
  ] as [string, () => object, object][])('%s', (_name, make, expected) => {
    const made = make();
    expect(made).toEqual(expected);
    expect(made).not.toBe(data);
    expect(data).toEqual({ a: 1, list: [1], nested: { x: 1 }, nothing: null });
  });
});

it('update throws if the key is missing', () => {
  expect(() => update(data as Any, 'missing', (value) => value)).toThrow('missing');
});

it('get gives the value, undefined or the fallback', () => {
  expect(get(data, 'a')).toBe(1);
  expect(get(data as Any, 'b')).toBeUndefined();
  expect(get(data as Any, 'b', 'fallback')).toBe('fallback');
  expect(get(data, 'nothing', 'fallback')).toBeNull();
  expect(get(data as Any, 'toString', 'fallback')).toBe('fallback');
});

it('has says whether the key is there', () => {
  expect(has(data, 'a')).toBe(true);
  expect(has(data, 'nothing')).toBe(true);
  expect(has(data, 'b')).toBe(false);
  expect(has(data, 'toString')).toBe(false);
});

it('keys such as __proto__ are data', () => {
  const made = assign({}, '__proto__', { polluted: true });
  expect(Object.keys(made)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
  expect(Object.keys(assign({}, JSON.parse('{"__proto__":{"polluted":true}}') as object))).toEqual(['__proto__']);
});
