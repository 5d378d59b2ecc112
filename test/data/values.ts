/** Data that comes back as it went in. */
export function values(): Record<string, unknown> {
  const shared = { id: 1 };
  return {
    json: { text: 'a', number: 1.5, yes: true, no: false, nothing: null, list: [1, 'two', [3, {}]], empty: [], '': 0 },
    unicode: 'Łódź 🚀 \u2028 \u0000 nul, \u001f, "quotes" \\',
    loneSurrogates: ['\ud800', 'a\udc00b', '\udfff\ud800'],
    keys: { 'a.b': 1, 'a\u0000b': 2, 'a\ud800b': 3, ' ': 4, $: 5, $type: 'Date', $date: '2020', constructor: 6 },
    date: new Date('2026-02-03T04:05:06.789Z'),
    oldDate: new Date(-1),
    map: new Map<unknown, unknown>([
      ['a', 1],
      [1, new Date(0)],
      [{ key: true }, new Map([['inner', new Set([1])]])],
      [null, undefined],
      [Number.NaN, -0],
    ]),
    emptyMap: new Map(),
    set: new Set<unknown>(['a', 1, null, undefined, { deep: new Set([5n]) }, Number.NaN]),
    big: 2n ** 200n,
    negativeBig: -1n,
    url: new URL('https://user:pass@example.com:8443/path?q=1#hash'),
    buffer: Buffer.from([0, 1, 2, 254, 255]),
    emptyBuffer: Buffer.alloc(0),
    typed: [
      new Uint8Array([1, 2, 255]),
      new Int8Array([-1, 1]),
      new Uint8ClampedArray([0, 255]),
      new Uint16Array([1, 65_535]),
      new Int16Array([-32_768]),
      new Uint32Array([4_294_967_295]),
      new Int32Array([-1]),
      new Float32Array([1.5, Number.NaN]),
      new Float64Array([Math.PI, -0, Infinity]),
      new BigInt64Array([-5n]),
      new BigUint64Array([5n]),
    ],
    partOfBuffer: new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2),
    undefinedField: undefined,
    undefinedItems: [undefined, 1, undefined],
    nested: { here: undefined, there: [{ gone: undefined }] },
    numbers: [Number.NaN, Infinity, -Infinity, -0, 0, Number.MAX_SAFE_INTEGER, 5e-324, 1e308],
    twice: [shared, shared],
    looksEncoded: [{ $: 'Date', v: 0 }, { __type: 'Map', value: [] }, ['$', 1], '$undefined', '$$', { $map: [] }],
    deep: Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], 'bottom'),
  };
}

/** `__proto__` as a key of its own. */
export function protoKeys(): Record<string, unknown> {
  return JSON.parse(
    '{"__proto__":{"polluted":true},"a":{"__proto__":1,"constructor":{"prototype":{"polluted":true}}}}',
  ) as Record<string, unknown>;
}
