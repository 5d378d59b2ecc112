import { settledPage } from '../../lib/dashboard/ui/src/lib/step-pages.js';
import type { LoopRow, StepRow } from '../../lib/dashboard/ui/src/lib/types.js';

/** Which pages of a run's steps are not read anew when something happens to it. */

const row = (seq: number) => ({ seq }) as StepRow;
const loop = (seq: number, done: number) => ({ seq, cells: [{}], items: 300, done }) as LoopRow;
const rows = (...seqs: number[]) => seqs.map(row);
const pageOf = (items: (StepRow | LoopRow)[], next: string | null) => ({ items, next, prev: null });

it.each<[string, (StepRow | LoopRow)[], string | null, boolean]>([
  ['full of records', rows(6, 7, 9), 'b', true],
  ['the last one', rows(6, 7, 9), null, false],
  ['with an attempt that has no record yet', rows(6, 7, 2 ** 52 + 3), 'b', false],
  ['with a loop that is through', [row(6), loop(6, 300), row(9)], 'b', true],
  ['with a loop that is not', [row(6), loop(6, 299), row(9)], 'b', false],
  ['in which a step on another queue may record more', rows(6, 7, 8 + 2 ** 20), 'b', false],
  ['before which one may', rows(5 + 2 ** 20, 6 + 2 ** 20), 'b', false],
])('a page %s', (_, items, next, isSettled) => {
  const page = pageOf(items, next);
  const known = { pages: [pageOf(rows(1, 3, 5), 'a'), page], pageParams: [null, 'a'] };
  expect(settledPage(known, 'a')).toBe(isSettled ? page : null);
});

it('is none where the page was not read yet, or after another', () => {
  expect(settledPage(undefined, null)).toBeNull();
  expect(settledPage({ pages: [pageOf(rows(1), 'a')], pageParams: [null] }, 'a')).toBeNull();
});
