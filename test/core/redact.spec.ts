import { runInNewContext } from 'node:vm';
import { inspect } from 'node:util';
import { decode, encode } from '../../lib/core/codec/codec.js';
import { toStoredError } from '../../lib/core/codec/error-record.js';
import { ANY, DEEP, parsePath } from '../../lib/core/redact/redact-path.js';
import { compileRedaction, NO_REDACTION, REDACTED } from '../../lib/core/redact/redact.js';
import type { StoredError } from '../../lib/core/errors/stored-error.js';

const payload = (value: unknown, ...paths: string[]): unknown => compileRedaction(paths).payload(value);
const logged = (value: unknown, ...paths: string[]): unknown => compileRedaction(paths).logged(value);

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

describe('a path', () => {
  it.each([
    ['password', ['password']],
    ['customer.card.number', ['customer', 'card', 'number']],
    ['items[*].iban', ['items', ANY, 'iban']],
    ['items.*.iban', ['items', ANY, 'iban']],
    ['items[3][0].x', ['items', '3', '0', 'x']],
    ['[3]', ['3']],
    ['[*].iban', [ANY, 'iban']],
    ['*.token', [ANY, 'token']],
    ['**.secret', [DEEP, 'secret']],
    ['a.**.b', ['a', DEEP, 'b']],
    ['a.**.**.b', ['a', DEEP, 'b']],
    ['a["b.c"]', ['a', 'b.c']],
    [`['a.b'].c`, ['a.b', 'c']],
    ['["*"]["**"]', ['*', '**']],
    ['["say \\"hi\\" \\\\ ]"]', ['say "hi" \\ ]']],
    [`["it's"]['"']`, [`it's`, '"']],
    ['[""]', ['']],
    ['first name', ['first name']],
    ['a.$', ['a', '$']],
    ['__proto__.x', ['__proto__', 'x']],
    ['größe', ['größe']],
  ])('%s is read', (path, parts) => {
    expect(parsePath(path)).toEqual({ ok: true, parts });
  });

  it.each([
    ['', /empty segment/],
    ['.a', /empty segment/],
    ['a.', /empty segment/],
    ['a..b', /empty segment/],
    ['a.[0]', /empty segment/],
    ['a[', /brackets do not match/],
    ['a[0', /brackets do not match/],
    ['a]', /brackets do not match/],
    ['a.]', /brackets do not match/],
    ['a[0]]', /brackets do not match/],
    ['a[]', /brackets hold an index/],
    ['a[b]', /brackets hold an index/],
    ['a[-1]', /brackets hold an index/],
    ['a[**]', /brackets hold an index/],
    ['a["b]', /brackets hold an index/],
    ['a[0]b', /expected "\." or "\["/],
    ['to*', /whole key/],
    ['a.***', /whole key/],
    ['"a.b"', /quotes stand in brackets/],
    ['a. b', /space/],
    ['$.password', /without a "\$"/],
  ])('%j is refused', (path, problem) => {
    expect(parsePath(path)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
    expect(() => compileRedaction([path])).toThrow(RangeError);
  });
});

describe('a payload', () => {
  it.each<[string, unknown, unknown]>([
    ['a', { a: 's', b: 1 }, { a: REDACTED, b: 1 }],
    ['a', { b: { a: 1 } }, { b: { a: 1 } }],
    ['a', { a: { deep: ['s'] } }, { a: REDACTED }],
    ['a', { a: null }, { a: REDACTED }],
    ['a', { a: undefined }, { a: REDACTED }],
    ['a.b.c', { a: { b: { c: 's', d: 1 } } }, { a: { b: { c: REDACTED, d: 1 } } }],
    ['a.b.c', { a: { b: 5 } }, { a: { b: 5 } }],
    ['items[*].iban', { items: [{ iban: 's' }, {}, 5] }, { items: [{ iban: REDACTED }, {}, 5] }],
    ['items[1]', { items: ['a', 's', 'c'] }, { items: ['a', REDACTED, 'c'] }],
    ['items.1', { items: ['a', 's'] }, { items: ['a', REDACTED] }],
    ['items[01]', { items: ['a', 'b'] }, { items: ['a', 'b'] }],
    ['items.length', { items: ['a'] }, { items: ['a'] }],
    ['[1]', { 1: 's' }, { 1: REDACTED }],
    ['[*].x', [{ x: 's' }, { y: 1 }], [{ x: REDACTED }, { y: 1 }]],
    ['*', { a: 1, b: { c: 2 } }, { a: REDACTED, b: REDACTED }],
    ['*.token', { a: { token: 's' }, token: 1 }, { a: { token: REDACTED }, token: 1 }],
    ['**.s', { s: 1, a: { s: 2, b: [{ s: 3 }, [{ s: 4 }]] } }, { s: REDACTED, a: { s: REDACTED, b: [{ s: REDACTED }, [{ s: REDACTED }]] } }],
    ['a.**.s', { s: 1, a: { s: 2, b: { c: { s: 3 } } } }, { s: 1, a: { s: REDACTED, b: { c: { s: REDACTED } } } }],
    ['**.a.*.s', { a: { x: { s: 1 } }, b: { a: { a: { s: 2 }, s: 3 } } }, { a: { x: { s: REDACTED } }, b: { a: { a: { s: REDACTED }, s: 3 } } }],
    ['**.a.a', { a: { a: { a: 1 } } }, { a: { a: REDACTED } }],
    ['a.**', { a: { b: 1 }, c: 1 }, { a: REDACTED, c: 1 }],
    ['**', { a: 1 }, REDACTED],
    ['**', 's', REDACTED],
    ['["a.b"]', { 'a.b': 's', a: { b: 1 } }, { 'a.b': REDACTED, a: { b: 1 } }],
    ['["*"]', { '*': 's', a: 1 }, { '*': REDACTED, a: 1 }],
    ['A', { a: 1 }, { a: 1 }],
    ['constructor', { a: 1 }, { a: 1 }],
    ['toString.name', { a: 1 }, { a: 1 }],
    ['a.b', 'text', 'text'],
    ['a', null, null],
  ])('is shown without %s: %j', (path, value, shown) => {
    expect(payload(frozen(value), path)).toEqual(shown);
  }); // prettier-ignore

  it('is shown without all of several paths', () => {
    const paths = ['a', 'b.c', 'b.*.d', '**.e', 'list[0]'];
    const value = { a: 1, b: { c: 1, x: { d: 1, f: 2 } }, list: [1, { e: 1 }], f: { e: 1 } };
    expect(payload(value, ...paths)).toEqual({
      a: REDACTED, b: { c: REDACTED, x: { d: REDACTED, f: 2 } }, list: [REDACTED, { e: REDACTED }], f: { e: REDACTED },
    }); // prettier-ignore
  });

  it('keeps keys such as __proto__ data', () => {
    const value = JSON.parse('{"__proto__":{"s":1,"t":2},"a":{"__proto__":3}}') as object;
    const shown = payload(value, '__proto__.s', 'a.__proto__') as Record<string, object>;
    expect(JSON.stringify(shown)).toBe(`{"__proto__":{"s":"${REDACTED}","t":2},"a":{"__proto__":"${REDACTED}"}}`);
    expect(Object.getPrototypeOf(shown)).toBe(Object.prototype);
    expect(({} as { s?: unknown }).s).toBeUndefined();
    expect(payload({}, '__proto__', '**.constructor.prototype')).toEqual({});
  });

  it('is copied along the paths alone, and not at all where there is nothing', () => {
    const value = frozen({ a: { s: 1 }, b: { c: [1] }, list: [{ s: 1 }, { t: 1 }] });
    const shown = payload(value, 'a.s', 'list[*].s') as typeof value;
    expect(shown).not.toBe(value);
    expect(shown.b).toBe(value.b);
    expect(shown.list[1]).toBe(value.list[1]);
    for (const paths of [['x'], ['**.x'], ['b.c[7]'], ['*.*.*.*'], []]) expect(payload(value, ...paths)).toBe(value);
    const nan = { a: NaN, b: -0 };
    expect(payload(nan, '**.x')).toBe(nan);
  });

  it('may have maps and sets', () => {
    const value = new Map<unknown, unknown>([
      ['s', 1],
      [3, { s: 1, t: 2 }],
      [{ s: 1 }, new Map([['s', 1]])],
      ['set', new Set(['a', { s: 1 }])],
    ]);
    const shown = new Map<unknown, unknown>([
      ['s', REDACTED],
      [3, { s: REDACTED, t: 2 }],
      [{ s: REDACTED }, new Map([['s', REDACTED]])],
      ['set', new Set(['a', { s: REDACTED }])],
    ]);
    expect(payload({ m: value }, '**.s')).toEqual({ m: shown });
    const named = new Map<unknown, unknown>([['a', 1], [3, 1], ['b', 1]]); // prettier-ignore
    expect([...(payload(named, 'a', '[3]') as typeof named).values()]).toEqual([REDACTED, REDACTED, 1]);
    expect(payload(new Set(['a', 'b', 'c']), '[1]')).toEqual(new Set(['a', REDACTED, 'c']));
    expect(payload(new Set(['a', 'b', 'c']), '*')).toEqual(new Set([REDACTED]));
    expect(payload(value, 'x', '*.x')).toBe(value);
  });

  it('has values with nothing to lead into', () => {
    const value = decode(
      encode({
        at: new Date(5),
        url: new URL('https://h/?s=1'),
        bytes: Buffer.from('s'),
        n: 7n,
        f: new Float32Array(2),
      }),
    ) as Record<string, unknown>;
    expect(payload(value, '**.s', '*[0]', '*.*', '**.length', 'url.search')).toBe(value);
    expect(payload(value, '*')).toEqual({ at: REDACTED, url: REDACTED, bytes: REDACTED, n: REDACTED, f: REDACTED });
  });

  it('may be as deep as payloads get', () => {
    let value: unknown = { s: 1 };
    for (let level = 1; level < 1_000; level++) value = level % 2 ? [value] : { in: value };
    const stored = encode(value);
    expect(encode(payload(decode(stored), '**.s'))).toBe(stored.replace('{"s":1}', `{"s":"${REDACTED}"}`));
  });

  it('is read once, whatever the paths are', () => {
    let reads = 0;
    const counted = (value: object): object =>
      new Proxy(value, {
        get: (target, key) => (typeof key === 'string' && key !== 'toJSON' && reads++, Reflect.get(target, key)),
      });
    let value = counted({ x: 1 });
    for (let level = 0; level < 300; level++) value = counted({ a: value, b: level });
    const many = Array.from({ length: 900 }, (_, n) => `**.a.*.k${n}.**.a`);
    const redact = compileRedaction(['**.a.**.a.**.a.**.a.**.y', '**.*.*.*.*.*.*.*.*.y', '*.a.**.*.**.y', ...many]);
    expect(redact.payload(value)).toBe(value);
    expect(reads).toBe(601);
  });

  it('may be large', () => {
    const rows = Array.from({ length: 50_000 }, (_, n) => ({ n, a: { s: n } }));
    const shown = compileRedaction(['**.s', ...Array.from({ length: 999 }, (_, n) => `**.k${n}.*`)]).payload(rows);
    expect((shown as typeof rows).every(({ a }) => (a.s as unknown) === REDACTED)).toBe(true);
  });
});

it('is nothing without paths', () => {
  expect(compileRedaction([])).toBe(NO_REDACTION);
  const value = { a: 1 };
  const record = { name: 'E', message: 'm' };
  expect([NO_REDACTION.payload(value), NO_REDACTION.fields(value), NO_REDACTION.logged(value)]).toEqual([
    value,
    value,
    value,
  ]);
  expect(NO_REDACTION.error(record)).toBe(record);
});

it('leaves an object one that is to be one', () => {
  expect(compileRedaction(['**']).fields({ a: 1, b: [2] })).toEqual({ a: REDACTED, b: REDACTED });
  expect(compileRedaction(['a']).fields({ a: 1, b: 2 })).toEqual({ a: REDACTED, b: 2 });
});

describe('the record of an error', () => {
  const shown = (error: unknown, ...paths: string[]): StoredError =>
    compileRedaction(paths).error(toStoredError(error));

  it('is shown without fields, at each cause as well', () => {
    const inner = Object.assign(new Error('inner'), { card: 's', data: { card: 's' } });
    const thrown = Object.assign(new Error('outer', { cause: inner }), { card: 's', at: 'x' });
    expect(shown(thrown, 'card', 'data.card')).toMatchObject({
      message: 'outer', card: REDACTED, at: 'x', cause: { message: 'inner', card: REDACTED, data: { card: REDACTED } },
    }); // prettier-ignore
    // From the outermost too.
    expect(shown(thrown, 'cause.data').cause).toMatchObject({ card: 's', data: REDACTED });
  });

  it('is shown without fields of the errors it holds, and of what was thrown', () => {
    const one = Object.assign(new Error('one'), { card: 's' });
    expect(shown(new AggregateError([one, 'two'], 'all'), 'card')).toMatchObject({
      errors: [{ card: REDACTED }, 'two'],
    });
    expect(shown({ card: 's', b: 1 }, 'card')).toMatchObject({ thrown: { card: REDACTED, b: 1 } });
    expect(shown({ card: 's', b: 1 }, 'thrown.b')).toMatchObject({ thrown: { card: 's', b: REDACTED } });
  });

  it('has no message in its stack that it does not show', () => {
    const stored = toStoredError(new Error('card 4111', { cause: new Error('it is 4111') }));
    const record = compileRedaction(['message']).error(stored);
    expect(record).toMatchObject({ name: 'Error', message: REDACTED, cause: { message: REDACTED } });
    expect(JSON.stringify(record)).not.toContain('4111');
    expect(record.stack).toMatch(/^Error: \[redacted\]\n +at /);
    // One that was changed after it was made, or cut.
    expect(compileRedaction(['message']).error({ name: 'E', message: 'new', stack: 'E: old 4111\n at x' }).stack).toBe(
      REDACTED,
    );
    expect(compileRedaction(['stack']).error(stored)).toMatchObject({ message: 'card 4111', stack: REDACTED });
    expect(compileRedaction(['message']).error({ name: 'E', message: '', stack: 'E\n at x' }).stack).toBe('E\n at x');
  });

  it('stays one whatever is hidden', () => {
    const record = shown(Object.assign(new Error('m', { cause: new Error('n') }), { card: 's' }), '**');
    expect(record).toEqual({
      name: REDACTED, message: REDACTED, stack: REDACTED, card: REDACTED, cause: { name: REDACTED, message: REDACTED },
    }); // prettier-ignore
    expect(shown(new Error('m', { cause: new Error('n') }), 'cause').cause).toEqual({
      name: REDACTED,
      message: REDACTED,
    });
  });

  it('is itself where nothing is hidden', () => {
    const record = toStoredError(new Error('m', { cause: new AggregateError([new Error('n')]) }));
    expect(compileRedaction(['card', 'a.b']).error(record)).toBe(record);
  });
});

describe('what is logged', () => {
  class Card {
    #pin = 's';
    readonly number = 's';
    constructor(readonly owner: string) {}
    get pin(): string {
      return this.#pin;
    }
  }

  it('keeps classes and all that is not hidden', () => {
    const card = Object.freeze(new Card('ann'));
    const shown = logged({ card, other: card, text: 's' }, 'card.number') as { card: Card; other: Card };
    expect(inspect(shown.card)).toBe(`Card { owner: 'ann', number: '${REDACTED}' }`);
    expect(shown.card).toBeInstanceOf(Card);
    expect(shown.other).toBe(card);
    expect(card.number).toBe('s');
    expect(logged(card, 'pin', 'x.y')).toBe(card);
  });

  it('is itself where nothing is hidden, circular or not', () => {
    const value: { self?: unknown; list: unknown[]; at: Date } = { list: [1, [2]], at: new Date() };
    value.self = value;
    expect(logged(value, 'x', '**.y')).toBe(value);
    for (const plain of ['text', 5, null, undefined, Symbol('s')]) expect(logged(plain, '**')).toBe(plain);
    const fn = (): void => {};
    expect(logged(fn, '**')).toBe(fn);
  });

  it('does not lead back to what was hidden', () => {
    const user: Record<string, unknown> = { password: 'hunter2', name: 'ann' };
    user['posts'] = [{ author: user, title: 't' }];
    const text = inspect(logged(user, 'password'), { depth: null });
    expect(text).not.toContain('hunter2');
    expect(text).toContain(`author: '[Circular]', title: 't'`);
  });

  it('calls no getters, and shows none that may show more', () => {
    const get = (): never => {
      throw new Error('called');
    };
    const value = Object.defineProperty({ a: 1 }, 'lazy', { get, enumerable: true, configurable: true });
    expect(logged(value, 'lazy.s', 'x')).toEqual({ a: 1, lazy: '[Getter]' });
    expect(logged(value, 'lazy')).toEqual({ a: 1, lazy: REDACTED });
    expect(logged(value, 'x')).toBe(value);
  });

  it('looks at fields that are not enumerable, at symbols, and at sub-classes of lists and maps', () => {
    const value = Object.defineProperty({ [Symbol('x')]: { s: 'hunter2' } }, 'inner', { value: { s: 'hunter2' } });
    expect(inspect(logged(value, '**.s'), { showHidden: true })).not.toContain('hunter2');
    class Names extends Array<unknown> {}
    class Cache extends Map<string, unknown> {}
    class Bag extends Set<unknown> {}
    for (const one of [Names.of({ s: 'hunter2' }), new Cache([['s', 'hunter2']]), new Bag([{ s: 'hunter2' }])]) {
      expect(inspect(one)).toContain('hunter2');
      expect(inspect(logged(one, '**.s'))).not.toContain('hunter2');
    }
  });

  it('shows errors as errors, each from its own root', () => {
    const foreign = runInNewContext(`Object.assign(new TypeError('far'), { card: 'hunter2' })`) as Error;
    const error = Object.assign(new RangeError('broken', { cause: foreign }), { card: 'hunter2', code: 7 });
    for (const value of [error, { error }, [[error]], new AggregateError([error])]) {
      const text = inspect(logged(value, 'card'), { depth: 5 });
      expect(text).not.toContain('hunter2');
      expect(text).toMatch(/RangeError: broken\n +at .*redact\.spec/);
      expect(text).toContain('code: 7');
      expect(text).toContain('TypeError: far');
    }
    const text = inspect(logged(error, 'message'));
    expect(text).toMatch(/RangeError: \[redacted\]\n +at /);
    expect(text).not.toMatch(/broken|far/);
  });

  it('hides what shows itself by code of its own, where a path could lead into it', () => {
    class Amount {
      constructor(private readonly cents: number) {}
      toJSON(): string {
        return `${this.cents}`;
      }
      [inspect.custom](): string {
        return `Amount ${this.cents}`;
      }
    }
    const headers = new Headers({ authorization: 'hunter2' });
    const request = new Request('http://localhost', { headers });
    for (const value of [headers, { headers }, [request], new Map([['r', request]])]) {
      const text = inspect(logged(value, '**.authorization'), { depth: 9 });
      expect([text.includes('hunter2'), text.includes(REDACTED)]).toEqual([false, true]);
    }
    // A value, not an object with fields; and where no path leads.
    expect(inspect(logged({ amount: new Amount(5), url: new URL('http://a/'), s: 1 }, '**.s'))).toMatch(
      /Amount 5.*http:\/\/a\//s,
    );
    expect(logged({ headers, s: 1 }, 's')).toEqual({ headers, s: REDACTED });
  });

  it('hides what is too much to look at', () => {
    const list = Array.from({ length: 30_000 }, () => ({ s: 'hunter2' }));
    const shown = logged(list, '**.s') as { s?: unknown }[];
    expect(shown).toHaveLength(10_001);
    expect(shown.every((one) => (one as unknown) === REDACTED || one.s === REDACTED)).toBe(true);
    // Where no path leads it stays.
    expect((logged({ list, p: 's' }, 'p') as { list: unknown }).list).toBe(list);
    const holes = logged(Object.assign([], { length: 2 ** 31 }), '**.s') as unknown[];
    expect([holes.length, holes.at(-1)]).toEqual([10_001, REDACTED]);
    let chain: object = { s: 'hunter2' };
    for (let level = 0; level < 50_000; level++) chain = { chain };
    expect(inspect(logged(chain, '**.s'), { depth: null })).not.toContain('hunter2');
    let shared: unknown[] = [{ s: 'hunter2' }];
    for (let level = 0; level < 18; level++) shared = [shared, shared];
    expect(inspect(logged(shared, '**.s'), { depth: null })).not.toContain('hunter2');
  });
});
