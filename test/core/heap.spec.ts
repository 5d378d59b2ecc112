import { Heap } from '../../lib/core/heap.js';
import { Random } from '../support/random.js';

function drained(heap: Heap<string>): string[] {
  const values: string[] = [];
  for (let value = heap.pop(); value !== undefined; value = heap.pop()) values.push(value);
  return values;
}

it('gives the lowest first, and of two with the same number the one that came first', () => {
  const heap = new Heap<string>();
  for (const [at, value] of [
    [3, 'c'],
    [1, 'a'],
    [3, 'd'],
    [-Infinity, 'least'],
    [1, 'b'],
  ] as const)
    heap.push(at, value);
  expect(heap.first).toBe('least');
  expect(drained(heap)).toEqual(['least', 'a', 'b', 'c', 'd']);
  expect(heap.first).toBeUndefined();
});

it.each([1, 2, 3])('sorts as a stable sort does, with what comes in between (seed %i)', (seed) => {
  const random = new Random(seed);
  const heap = new Heap<string>();
  let left: { at: number; value: string }[] = [];
  const popped: (string | undefined)[] = [];
  const wanted: (string | undefined)[] = [];
  for (let n = 0; n < 2_000; n++) {
    if (random.chance(0.6)) {
      const at = random.int(0, 50);
      heap.push(at, String(n));
      left.push({ at, value: String(n) });
    } else {
      left = left.toSorted((one, other) => one.at - other.at);
      popped.push(heap.pop());
      wanted.push(left.shift()?.value);
    }
  }
  expect(popped).toEqual(wanted);
  expect(drained(heap)).toEqual(left.toSorted((one, other) => one.at - other.at).map(({ value }) => value));
});
