import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { decode, encode } from '../../lib/core/codec.js';

describe('random values', () => {
  /** mulberry32, so that a failing seed can be run again. */
  function generator(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  function make(random: () => number, depth: number): unknown {
    const below = (n: number): number => Math.floor(random() * n);
    const text = (): string => String.fromCharCode(...Array.from({ length: below(5) }, () => below(0x10000)));
    const list = (): unknown[] => Array.from({ length: below(4) }, () => make(random, depth - 1));
    const keys = ['$durable', 'v', '__proto__', 'constructor', text(), 'toString', '0'];
    const leaves = [
      () => below(1000) - 500,
      () => random() * 1e300,
      () => text(),
      () => null,
      () => undefined,
      () => [NaN, -0, Infinity, -Infinity][below(4)],
      () => BigInt(below(2 ** 31)) ** 3n,
      () => new Date(below(2 ** 31) * 1000),
      () => Buffer.from(text()),
      () => new Float64Array([random(), -0]),
      () => random() < 0.5,
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
    const choices = depth > 0 && random() < 0.7 ? nodes : leaves;
    return choices[below(choices.length)]?.();
  }

  it('come back equal, and their text holds nothing that PostgreSQL refuses', () => {
    const seed = randomInt(2 ** 31);
    const random = generator(seed);
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
