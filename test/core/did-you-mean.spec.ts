import { closest, didYouMean } from '../../lib/core/did-you-mean.js';

it.each([
  ['proces_order', ['ship_order', 'process_order'], 'process_order'],
  ['orderWorkflow', ['order_workflow'], 'order_workflow'],
  ['maxPayloadByte', ['maxPayloadBytes', 'maxEntries'], 'maxPayloadBytes'],
  ['shcema', ['schema', 'queues'], 'schema'],
  ['url', ['uri', 'name'], 'uri'],
  ['charge', ['refund', 'ship'], null],
  ['a', ['b'], null],
  ['', ['a'], null],
  ['x'.repeat(1000), ['x'.repeat(999)], null],
  ['order', [], null],
])('%s among %p is %p', (word, candidates, expected) => {
  expect(closest(word, candidates)).toBe(expected);
});

it('the nearest wins, of equal ones the first', () => {
  expect(closest('order', ['orders2', 'orders', 'order_'])).toBe('order_');
  expect(closest('cart', ['cars', 'card'])).toBe('cars');
});

it('didYouMean is a sentence or nothing', () => {
  expect(didYouMean('shcema', ['schema'])).toBe(' Did you mean "schema"?');
  expect(didYouMean('other', ['schema'])).toBe('');
});
