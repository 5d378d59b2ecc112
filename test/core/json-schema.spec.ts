import { schemaViolations } from '../../lib/core/input/json-schema.js';

const schema = {
  type: 'object',
  required: ['id', 'items'],
  properties: {
    id: { type: 'string', minLength: 3, maxLength: 5 },
    amount: { type: 'number', minimum: 1, maximum: 10 },
    rate: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
    count: { type: 'integer' },
    express: { type: 'boolean' },
    country: { type: 'string', enum: ['DE', 'NO'] },
    at: { type: 'string', format: 'date-time' },
    ref: { type: 'string', format: 'uuid' },
    mail: { type: 'string', format: 'email' },
    code: { type: 'string', pattern: '^[A-Z]+$' },
    any: {},
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 2,
      items: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } },
    },
  },
};
const good = { id: 'abc', items: [{ sku: 'x' }] };
const paths = (value: unknown) => schemaViolations(schema, value).map(({ path }) => path);

it.each([
  [good],
  [
    {
      ...good,
      amount: 1,
      rate: 0.5,
      count: -3,
      express: false,
      country: 'NO',
      code: 'AB',
      any: Symbol.iterator,
      more: 1,
    },
  ],
  [{ ...good, at: new Date(), ref: '019a8f00-0000-7000-8000-000000000001', mail: 'whatever' }],
  [{ ...good, at: '2026-01-01T00:00:00Z', amount: null, country: undefined }],
])('takes %j', (value) => {
  expect(schemaViolations(schema, value)).toEqual([]);
});

it('counts characters as class-validator does', () => {
  const text = { type: 'object', properties: { id: { type: 'string', minLength: 3, maxLength: 3 } } };
  for (const id of ['abc', '😀😀😀', '❤️❤️❤️']) expect(schemaViolations(text, { id })).toEqual([]);
  for (const id of ['😀😀', '😀😀😀😀']) expect(schemaViolations(text, { id })).toHaveLength(1);
});

it('leaves to the class what it converts', () => {
  const loose = { type: 'object', required: ['n'], properties: { n: { type: 'number', 'x-unchecked': true } } };
  expect(schemaViolations(loose, { n: '7' })).toEqual([]);
  expect(schemaViolations(loose, {})).toEqual([{ path: 'n', message: 'is missing' }]);
});

it.each<[object, string, string]>([
  [{ id: 7 }, 'id', 'expected a text, got the number 7'],
  [{ id: 'ab' }, 'id', 'expected at least 3 characters, got 2'],
  [{ id: 'abcdef' }, 'id', 'expected at most 5 characters, got 6'],
  [{ id: undefined }, 'id', 'is missing'],
  [{ id: null }, 'id', 'expected a text, got null'],
  [{ amount: 0 }, 'amount', 'expected at least 1, got 0'],
  [{ amount: 11 }, 'amount', 'expected at most 10, got 11'],
  [{ amount: NaN }, 'amount', 'expected a number, got the number NaN'],
  [{ amount: 5n }, 'amount', 'expected a number, got a BigInt'],
  [{ rate: 0 }, 'rate', 'expected more than 0, got 0'],
  [{ rate: 1 }, 'rate', 'expected less than 1, got 1'],
  [{ count: 1.5 }, 'count', 'expected a whole number, got the number 1.5'],
  [{ express: 'yes' }, 'express', 'expected true or false, got the string "yes"'],
  [{ country: 'SE' }, 'country', 'expected one of DE, NO, got the string "SE"'],
  [{ at: 'soon' }, 'at', 'expected a date, got the string "soon"'],
  [{ ref: 'x' }, 'ref', 'expected a UUID, got the string "x"'],
  [{ code: 'ab' }, 'code', 'expected a text that fits ^[A-Z]+$, got the string "ab"'],
  [{ items: [] }, 'items', 'expected at least 1 items, got 0'],
  [{ items: [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }] }, 'items', 'expected at most 2 items, got 3'],
  [{ items: {} }, 'items', 'expected a list, got an object'],
  [{ items: [{ sku: 'a' }, {}] }, 'items[1].sku', 'is missing'],
  [{ items: [null] }, 'items[0]', 'expected an object, got null'],
])('refuses %j', (changed, path, message) => {
  expect(schemaViolations(schema, { ...good, ...changed })).toEqual([{ path, message }]);
});

it('tells all that is wrong, and not more than can be read', () => {
  expect(paths({ amount: 0, count: 'x' })).toEqual(['id', 'amount', 'count', 'items']);
  expect(paths([])).toEqual(['']);
  const long = { ...schema, properties: { items: { type: 'array', items: { type: 'string' } } }, required: [] };
  expect(schemaViolations(long, { items: Array(500).fill(1) })).toHaveLength(100);
});

it('keys of the prototype are not the input’s', () => {
  expect(schemaViolations({ type: 'object', required: ['toString'], properties: { toString: {} } }, {})).toEqual([
    { path: 'toString', message: 'is missing' },
  ]);
});

it.each([null, undefined, 'x', [], {}, { type: 'odd' }])('a schema of %j says nothing', (odd) => {
  expect(schemaViolations(odd, { a: 1 })).toEqual([]);
});
