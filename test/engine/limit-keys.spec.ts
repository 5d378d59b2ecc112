import { InvalidInputError } from '../../lib/core/errors/errors.js';
import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { limitKeyOf, limitKeyOfStored, workflowOfKey } from '../../lib/engine/worker/limit-keys.js';

const definition = { name: 'order', concurrency: { limit: 1, hold: 'working' } } as WorkflowDefinition;
const keyed = (concurrencyKey: ((input: never) => unknown) | null) => ({
  definition,
  concurrencyKey: concurrencyKey as ((input: unknown) => unknown) | null,
});
const byText = keyed(({ text }: { text: string }) => text);

it('is the workflow alone where there is no key', () => {
  expect(limitKeyOf(keyed(null), {})).toBe('order\n');
});

it('keeps short keys as they are, and the rest apart from each other and from those', () => {
  expect(limitKeyOf(byText, { text: 'c1' })).toBe('order\n=c1');
  expect(limitKeyOfStored(byText, '{"text":"c1"}')).toBe('order\n=c1');
  const odd = [
    '',
    '#',
    '=',
    'x'.repeat(200),
    'x'.repeat(201),
    'x'.repeat(202),
    '\0',
    '\0\0',
    '\ud800',
    '\ud801',
    '\ufffd',
  ];
  const keys = odd.map((text) => limitKeyOf(byText, { text }));
  expect(new Set(keys).size).toBe(odd.length);
  // What PostgreSQL can hold and index.
  expect(keys.every((key) => key.length <= 207 && !/[\0\p{Cs}]/u.test(key))).toBe(true);
  expect(keys.map(workflowOfKey)).toEqual(odd.map(() => 'order'));
});

it('takes numbers, bigints and booleans by their text', () => {
  expect([5, 5n, '5', true, -0].map((key) => limitKeyOf(keyed(() => key), {}))).toEqual([
    'order\n=5', 'order\n=5', 'order\n=5', 'order\n=true', 'order\n=0',
  ]); // prettier-ignore
});

it.each([
  ['is undefined', keyed(() => undefined), 'concurrency.key gives undefined for it, expected a string, a number'],
  ['is an object', keyed(() => ({})), 'concurrency.key gives an object for it, expected a string, a number'],
  ['throws', keyed(({ a }: { a: { b: string } }) => a.b), 'concurrency.key cannot take it: '],
])('refuses an input for which the key %s', (_, workflow, message) => {
  expect(() => limitKeyOf(workflow, {})).toThrow(InvalidInputError);
  expect(() => limitKeyOf(workflow, {})).toThrow(message);
});
