import { Cells } from '../../lib/engine/worker/cells.js';

it('is a map of what is in it now', () => {
  const cells = new Cells<{ n: number }>();
  const [one, two] = [{ n: 1 }, { n: 2 }];
  cells.set('a', one);
  cells.set('b', one);
  cells.set('a', two);
  expect([cells.size, cells.has('a'), cells.get('a'), cells.get('c')]).toEqual([2, true, two, undefined]);
  expect(cells.values()).toEqual([two, one]);
  cells.delete('a');
  cells.delete('c');
  expect([cells.size, cells.has('a'), cells.get('a'), cells.values()]).toEqual([1, false, undefined, [one]]);
});
