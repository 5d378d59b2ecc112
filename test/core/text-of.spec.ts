import { toStoredError } from '../../lib/core/codec/error-record.js';
import { errorOf, isError, read, textOf } from '../../lib/core/text-of.js';
import { HOSTILE } from '../support/hostile.js';

it.each(Object.entries(HOSTILE))('gives a text, an error and a record for %s', (_, make) => {
  const value = make();
  const text = textOf(value);
  expect(text).not.toBe('');
  expect(text.length).toBeLessThanOrEqual(4_000);
  const error = errorOf(value);
  expect(Object.getPrototypeOf(error)).not.toBeNull();
  const record = toStoredError(value);
  expect(typeof record.name).toBe('string');
  expect(typeof record.message).toBe('string');
});

it('takes an error by its message, else its parts, its code, its name', () => {
  expect(textOf(new Error('why'))).toBe('why');
  const refusals = [new Error('refused ::1'), new Error('refused 127.0.0.1'), new Error('refused ::1')];
  expect(textOf(new AggregateError(refusals))).toBe('refused ::1; refused 127.0.0.1');
  expect(textOf(new AggregateError(refusals, 'all failed'))).toBe('all failed');
  expect(textOf(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe('ECONNRESET');
  expect(textOf(new TypeError())).toBe('TypeError');
});

it('takes a string as it is, and anything else in a few words', () => {
  expect(textOf('why')).toBe('why');
  expect(textOf({ message: 'why' })).toBe('why');
  expect(textOf({ secret: 1 })).toBe('an object');
  expect(textOf([1, 2])).toBe('an array of 2');
});

it('makes an error of what is none, with it as the cause', () => {
  const error = new Error('x');
  expect(errorOf(error)).toBe(error);
  const thrown = { a: 1 };
  expect(errorOf(thrown)).toMatchObject({ message: 'an object', cause: thrown });
});

it('tells errors and reads properties without throwing', () => {
  expect(isError(HOSTILE['an error of another realm']?.())).toBe(true);
  expect(isError(HOSTILE['a revoked proxy']?.())).toBe(false);
  expect(read(HOSTILE['a proxy that refuses everything']?.(), 'a')).toBeUndefined();
  expect(read('text', 'length')).toBeUndefined();
});
