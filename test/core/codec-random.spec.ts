import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { decode, encode } from '../../lib/core/codec/codec.js';
import { Random } from '../support/random.js';

describe('random values', () => {
  function make(random: Random, depth: number): unknown {
    const below = (n: number): number => Math.floor(random.next() * n);
    const text = (): string => String.fromCharCode(...Array.from({ length: below(5) }, () => below(0x10000)));
    const list = (): unknown[] => Array.from({ length: below(4) }, () => make(random, depth - 1));
    const keys = ['$durable', 'v', '__proto__', 'constructor', text(), 'toString', '0'];
    const leaves = [
      () => below(1000) - 500,
      () => random.next() * 1e300,
      () => text(),
      () => null,
      () => undefined,
      () => [NaN, -0, Infinity, -Infinity][below(4)],
      () => BigInt(below(2 ** 31)) ** 3n,
      () => new Date(below(2 ** 31) * 1000),
      () => Buffer.from(text()),
      () => new Float64Array([random.next(), -0]),
      () => random.chance(0.5),
    ];
    const nodes = [
      list,
      () => new Set(list()),
      () => new Map(list().map((item) => [item, make(random, depth - 1)])),
      () => {
        const object = {};
        for (let i = below(4); i > 0; i--) {
          const key = keys[below(keys.length)] ?? '';
          const value = make(random, depth - 1);
          Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
        }
        return object;
      },
    ];
    const choices = depth > 0 && random.chance(0.7) ? nodes : leaves;
    return random.pick<() => unknown>(choices)();
  }

  it('come back equal, and their text holds nothing that PostgreSQL refuses', () => {
    const seed = randomInt(2 ** 31);
    const random = new Random(seed);
    const wrong: string[] = [];
    for (let i = 0; i < 3000; i++) {
      const value = make(random, 4);
      const text = encode(value);
      const back = decode(text);
      if (
        !isDeepStrictEqual(back, value) ||
        /\p{Surrogate}/u.test(text) ||
        text.includes('\0') ||
        encode(back) !== text
      ) {
        wrong.push(`seed ${seed}, value ${i}: ${text}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
