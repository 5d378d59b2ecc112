import { append, assign, get, has, increment, remove, update } from '../../lib/helpers.js';
import { InvalidInputError } from '../../lib/core/errors/errors.js';

const data = Object.freeze({ n: 1, list: Object.freeze(['a']), none: undefined, text: 'x' });

it('assign sets one field or several', () => {
  expect(assign(data, 'n', 2)).toEqual({ ...data, n: 2 });
  expect(assign(data, { n: 3, more: true })).toEqual({ ...data, n: 3, more: true });
  expect(assign(data, 'n', 2).n.toFixed(1)).toBe('2.0');
});

it('update works on the value, or on the fallback where it is missing', () => {
  expect(update(data, 'n', (n) => n + 1).n).toBe(2);
  expect(update(data, 'n', 10, (n) => n + 1).n).toBe(2);
  expect(update(data, 'count', 10, (n) => n + 1).count).toBe(11);
  expect(update(data, 'none', 10, (n) => n + 1).none).toBe(11);
  expect(update(data, 'none', (none) => String(none)).none).toBe('undefined');
  const missing = (): unknown => update(data as { other?: number }, 'other', () => 1);
  expect(missing).toThrow(InvalidInputError);
  expect(missing).toThrow(/update\(data, "other"\).*missing/);
});

it('append and increment start where there is nothing, and refuse what is something else', () => {
  expect(append(data, 'list', 'b').list).toEqual(['a', 'b']);
  expect(append(data, 'fresh', 1).fresh).toEqual([1]);
  expect(increment(data, 'n').n).toBe(2);
  expect(increment(data, 'n', -5).n).toBe(-4);
  expect(increment(data, 'none', 5).none).toBe(5);
  expect(() => append(data, 'text', 1)).toThrow(/it is no list, but the string "x"/);
  expect(() => increment(data, 'text')).toThrow(InvalidInputError);
});

it('remove, get and has', () => {
  expect(remove(data, 'n')).toEqual({ list: ['a'], none: undefined, text: 'x' });
  expect(remove(data, 'other')).toEqual(data);
  expect([get(data, 'n'), get(data, 'other'), get(data, 'other', 5), get(data, 'none', 5)]).toEqual([
    1,
    undefined,
    5,
    5,
  ]);
  expect([has(data, 'n'), has(data, 'none'), has(data, 'other')]).toEqual([true, true, false]);
});

it('none of them changes its data', () => {
  const before = structuredClone(data);
  append(data, 'list', 'b');
  increment(data, 'n');
  remove(data, 'n');
  expect(data).toEqual(before);
  expect(assign(data, 'n', 1)).not.toBe(data);
});

it('inherited names are no fields, and __proto__ is one like any other', () => {
  expect(get(data, 'constructor')).toBeUndefined();
  expect(has(data, 'toString')).toBe(false);
  expect(append(data, 'valueOf', 1)).toMatchObject({ valueOf: [1] });
  const results = [
    assign(data, '__proto__', { admin: true }),
    assign(data, JSON.parse('{"__proto__":{"admin":true}}') as object),
    update(data, '__proto__', 0, () => ({ admin: true })),
  ];
  for (const result of results) {
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(get(result, '__proto__')).toEqual({ admin: true });
    expect(has(remove(result, '__proto__'), '__proto__')).toBe(false);
  }
  expect(get(data, '__proto__')).toBeUndefined();
});
