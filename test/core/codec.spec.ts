import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { decode, encode, isPlainData } from '../../lib/core/codec/codec.js';
import { SerializationError } from '../../lib/core/errors/errors.js';

const roundTrip = (value: unknown): unknown => decode(encode(value));

function fault(value: unknown, options: { what?: string; maxBytes?: number } = { what: 'input' }): SerializationError {
  let error: unknown;
  try {
    encode(value, options);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(SerializationError);
  return error as SerializationError;
}

function ownProto(value: unknown): object {
  return JSON.parse(`{"__proto__":${JSON.stringify(value)}}`) as object;
}

class Dto {
  constructor(
    readonly id: number,
    readonly at: Date,
  ) {}
}

class WithMethod {
  amount = 3;
  double(): number {
    return this.amount * 2;
  }
}

class Money {
  constructor(private readonly cents: number) {}
  toJSON(): unknown {
    return { cents: this.cents, at: new Date(7) };
  }
}

describe('round trips', () => {
  const values: [string, unknown][] = [
    ['null', null],
    ['true', true],
    ['a number', 1.5],
    ['the largest number', Number.MAX_VALUE],
    ['a string', 'täxt 🙂'],
    ['nested JSON', { a: [1, { b: null }], c: '' }],
    ['undefined', undefined],
    ['undefined in an object', { a: undefined, b: 1 }],
    ['undefined in an array', [undefined, 1]],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
    ['-0', -0],
    ['-0 deep down', { a: [{ b: -0 }] }],
    ['a Date', new Date('2024-02-29T12:00:00.123Z')],
    ['the first Date', new Date(-8.64e15)],
    ['the last Date', new Date(8.64e15)],
    [
      'a Map',
      new Map<unknown, unknown>([
        [{ k: 1 }, new Set([1n])],
        ['x', undefined],
        [NaN, -0],
      ]),
    ],
    ['a Set', new Set<unknown>([1, 'a', new Date(3), [null]])],
    ['a BigInt', -(2n ** 200n)],
    ['a URL', new URL('https://user@example.com:8080/a?b=c#d')],
    ['a Buffer', Buffer.from([0, 255, 128])],
    ['an empty Buffer', Buffer.alloc(0)],
    ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
    ['Int8Array', new Int8Array([-128, 127])],
    ['Uint8Array', new Uint8Array([0, 255])],
    ['Uint8ClampedArray', new Uint8ClampedArray([0, 255])],
    ['Int16Array', new Int16Array([-32768, 1])],
    ['Uint16Array', new Uint16Array([65535])],
    ['Int32Array', new Int32Array([-(2 ** 31)])],
    ['Uint32Array', new Uint32Array([2 ** 32 - 1])],
    ['Float32Array', new Float32Array([0.5, NaN, -0])],
    ['Float64Array', new Float64Array([Math.PI, -Infinity])],
    ['BigInt64Array', new BigInt64Array([-(2n ** 63n)])],
    ['BigUint64Array', new BigUint64Array([2n ** 64n - 1n])],
    ['a view of a part', new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2)],
    ['NUL', 'a\0b'],
    ['lone surrogates', '\ud800 \udfff\ud800'],
    ['hostile keys', { constructor: 1, toString: 2, 'a\0': 3, '\ud800': 4, '': 5, hasOwnProperty: 6, toJSON: 7 }],
    ['a key __proto__', ownProto({ x: 1 })],
    ['a tag of the user', { $durable: 'date', v: 'no date' }],
    ['a tag in a tag', { $durable: { $durable: { $durable: undefined } }, v: { $durable: 'undefined' } }],
    ['a tag beside a Date', { $durable: new Date(1) }],
    ['text like a tag', '{"$durable":"date","v":"x"}'],
  ];

  it.each(values)('%s', (_name, value) => {
    const back = roundTrip(value);
    expect(back).toStrictEqual(value);
    expect(isDeepStrictEqual(back, value)).toBe(true);
  });

  it('an invalid Date', () => {
    const back = roundTrip(new Date(NaN));
    expect(back).toBeInstanceOf(Date);
    expect((back as Date).getTime()).toBeNaN();
  });

  it('a key __proto__ beside or above special values is a field, never a prototype', () => {
    const value = ownProto(null);
    Object.defineProperty(value, '__proto__', { value: { at: new Date(1) }, enumerable: true });
    const back = roundTrip(value) as object;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(back, '__proto__')?.value).toEqual({ at: new Date(1) });
  });

  it('a Buffer comes back as a Buffer, a Uint8Array with memory of its own', () => {
    expect(Buffer.isBuffer(roundTrip(Buffer.from('x')))).toBe(true);
    const back = roundTrip(new Uint8Array([1, 2])) as Uint8Array;
    expect(Buffer.isBuffer(back)).toBe(false);
    expect(back.buffer.byteLength).toBe(2);
  });

  it('one object in two places comes back as two equal ones', () => {
    const shared = { at: new Date(5) };
    const back = roundTrip({ a: shared, b: [shared] }) as { a: object; b: object[] };
    expect(back).toEqual({ a: shared, b: [shared] });
    expect(back.a).not.toBe(back.b[0]);
  });

  it('objects of another realm are known', () => {
    const made: unknown = runInNewContext(
      '({ list: [1], at: new Date(5), map: new Map([[1, new Set([2])]]), plain: {}, bytes: new Uint8Array([1]) })',
    );
    expect(roundTrip(made)).toEqual({
      list: [1],
      at: new Date(5),
      map: new Map([[1, new Set([2])]]),
      plain: {},
      bytes: new Uint8Array([1]),
    });
    expect(roundTrip(structuredClone({ a: [new Date(1)] }))).toEqual({ a: [new Date(1)] });
    expect(isPlainData(structuredClone({}))).toBe(true);
  });
});

describe('the text', () => {
  it('is what JSON.stringify gives where nothing is special', () => {
    const value = { b: [1, 'x', null, { c: true }], a: { d: -1.5e-7 }, s: '"\\\n\u2028\0\ud800' };
    expect(encode(value)).toBe(JSON.stringify(value));
    expect(encode(new Dto(1, new Date(0)).id)).toBe('1');
  });

  it('marks only what JSON has not', () => {
    expect(encode({ a: 1, at: new Date(0), none: undefined })).toBe(
      '{"a":1,"at":{"$durable":"date","v":"1970-01-01T00:00:00.000Z"},"none":{"$durable":"undefined"}}',
    );
    expect(encode({ $durable: 1 })).toBe('{"$durable":"object","v":{"$durable":1}}');
  });

  it('does not change the value', () => {
    const value = Object.freeze({ list: Object.freeze([new Date(1), { deep: Object.freeze(new Map([[1, 2]])) }]) });
    const before = structuredClone(value);
    encode(value);
    expect(structuredClone(value)).toEqual(before);
  });

  it('that encode did not write is refused', () => {
    expect(() => decode('{"a":')).toThrow(SerializationError);
    expect(() => decode('{"$durable":"Planet","v":1}')).toThrow(/"Planet" is not known/);
    expect(() => decode('{"$durable":"SharedArrayBuffer","v":"AA=="}')).toThrow(SerializationError);
    expect(() => decode('{"$durable":"bigint","v":"x"}')).toThrow(SerializationError);
    expect(() => decode('{"$durable":"map","v":5}')).toThrow(SerializationError);
  });
});

describe('instances', () => {
  it('of a class without methods are stored by their fields, and come back plain', () => {
    const back = roundTrip(new Dto(1, new Date(5))) as object;
    expect(back).toStrictEqual({ id: 1, at: new Date(5) });
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    class Child extends Dto {}
    expect(roundTrip(new Child(2, new Date(6)))).toStrictEqual({ id: 2, at: new Date(6) });
    expect(roundTrip(Object.assign(Object.create(null) as object, { a: 1 }))).toStrictEqual({ a: 1 });
  });

  it('with toJSON are stored as what it returns, called once', () => {
    expect(roundTrip({ price: new Money(5) })).toStrictEqual({ price: { cents: 5, at: new Date(7) } });
    let calls = 0;
    expect(roundTrip([{ toJSON: (key: string) => ((calls += 1), `at ${key}`) }])).toEqual(['at 0']);
    expect(calls).toBe(1);
    class Tagged extends Map<number, number> {
      toJSON(): unknown {
        return [...this];
      }
    }
    expect(roundTrip(new Tagged([[1, 2]]))).toEqual([[1, 2]]);
  });

  it('of Error are stored as a record', () => {
    const error = Object.assign(new TypeError('bad', { cause: new Error('why') }), { code: 'E', at: new Date(1) });
    expect(roundTrip({ error })).toMatchObject({
      error: {
        name: 'TypeError',
        message: 'bad',
        code: 'E',
        at: new Date(1),
        cause: { name: 'Error', message: 'why' },
      },
    });
    const circular = new Error('a');
    circular.cause = circular;
    expect(roundTrip(circular)).toMatchObject({ name: 'Error', message: 'a' });
  });
});

describe('refusals', () => {
  const circular: { list: unknown[] } = { list: [] };
  circular.list.push(1, circular);
  class Derived extends WithMethod {}
  const cases: [string, unknown, string, RegExp][] = [
    ['a function', { items: [{}, {}, { price: () => 1 }] }, 'input.items[2].price', /function/],
    ['a symbol', Symbol('x'), 'input', /symbol/],
    ['a symbol as a value', { a: { 'b c': Symbol('x') } }, 'input.a["b c"]', /symbol/],
    ['a symbol as a key', { a: { [Symbol('q')]: 1 } }, 'input.a', /Symbol\(q\)/],
    ['a circle', { a: circular }, 'input.a.list[1]', /circular.*input\.a\b/],
    ['a class with methods', { a: new WithMethod() }, 'input.a', /WithMethod/],
    ['a class that inherits methods', [new Derived()], 'input[0]', /Derived/],
    ['a Promise', Promise.resolve(1), 'input', /it is a promise: await it/],
    ['a RegExp', { re: /x/ }, 'input.re', /RegExp/],
    ['a WeakMap', [new WeakMap()], 'input[0]', /WeakMap/],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'input', /DataView/],
    ['a boxed number', [Object(1)], 'input[0]', /Number/],
    ['a subclass of Map', new (class Bag extends Map {})(), 'input', /Bag/],
    ['a subclass of Array', new (class Many extends Array {})(), 'input', /array/],
    ['an impostor of Map', Object.create(Map.prototype), 'input', /Map/],
    ['an impostor of Date', { d: Object.create(Date.prototype, { toJSON: { value: undefined } }) }, 'input.d', /Date/],
    ['a hole', { list: Object.assign([0], { 2: 2 }) }, 'input.list[1]', /hole/],
    ['an endless sparse array', { list: Object.assign([], { length: 4e9 }) }, 'input.list[0]', /hole/],
    ['a Map value', new Map([['k', Symbol('x')]]), 'input.get("k")', /symbol/],
    ['a Map key', new Map([[() => 1, 1]]), 'input.keys()[0]', /function/],
    ['a Set item', { s: new Set([1, () => 1]) }, 'input.s.values()[1]', /function/],
    ['what is below a Map', new Map([[{}, { a: [() => 1] }]]), 'input.values()[0].a[0]', /function/],
    [
      'a toJSON that returns itself',
      {
        toJSON(): unknown {
          return this;
        },
      },
      'input',
      /itself/,
    ],
    ['a field below toJSON', { a: { toJSON: () => ({ f: () => 1 }) } }, 'input.a.f', /function/],
  ];

  it.each(cases)('%s', (_name, value, path, problem) => {
    const error = fault(value);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(problem);
    expect(error.code).toBe('SERIALIZATION');
  });

  it.each([
    [
      'a getter',
      {
        a: {
          get b(): never {
            throw new Error('closed');
          },
        },
      },
      'input.a.b',
    ],
    [
      'a toJSON',
      {
        a: {
          toJSON(): never {
            throw new Error('closed');
          },
        },
      },
      'input.a',
    ],
  ])('%s that throws, with its error as the cause', (_name, value, path) => {
    const error = fault(value);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(/closed/);
    expect(error.cause).toMatchObject({ message: 'closed' });
  });

  it('a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(fault({ a: proxy }).path).toBe('input.a');
  });

  it('what is nested more than 1000 levels deep', () => {
    const nest = (levels: number): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) {
        value = i % 2 ? [value] : new Map([['k', value]]);
      }
      return value;
    };
    expect(roundTrip(nest(1000))).toEqual(nest(1000));
    expect(fault(nest(1001)).message).toMatch(/1000 levels/);
    expect(fault(nest(200_000)).message).toMatch(/1000 levels/);
  });

  it('an endless toJSON', () => {
    const endless = (): object => ({ toJSON: endless });
    expect(fault(endless()).message).toMatch(/1000 levels/);
  });

  it('texts over maxBytes, counted in UTF-8', () => {
    expect(encode('é'.repeat(49), { maxBytes: 100 })).toHaveLength(51);
    expect(fault('é'.repeat(50), { what: 'result', maxBytes: 100 }).message).toMatch(/^result .*102 bytes.*100/);
    expect(fault(Symbol('x'), {}).path).toBe('value');
  });
});

describe('isPlainData', () => {
  it.each([[{}], [{ a: 1 }], [new Dto(1, new Date())], [Object.create(null)], [new Money(1)]])('takes %p', (value) => {
    expect(isPlainData(value)).toBe(true);
  });

  it('takes what encode then refuses with the reason', () => {
    expect(isPlainData(new WithMethod())).toBe(true);
  });

  const others = [null, undefined, 1, 'x', true, 1n, Symbol('x'), () => 1, [], new Date(), new Map(), new Set()];
  const more = [Buffer.alloc(1), new Uint8Array(1), new URL('http://x'), new Error('x'), { toJSON: () => 'text' }];
  it.each([...others, ...more].map((value) => [value]))('refuses %p', (value) => {
    expect(isPlainData(value)).toBe(false);
  });
});
