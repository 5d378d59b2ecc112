import { isLoop, type LoopRow, type Page, type StepRow } from './types.js';

type StepsPage = Page<StepRow | LoopRow>;

/** What has no record yet is numbered from here on. */
const UNRECORDED = 2 ** 52;
/** A step on another queue records under a million numbers that were kept for it: where they jump so far, more may come between. */
const JUMP = 2 ** 19;

/**
 * The page that goes on from there, where nothing of it will be other when it is read again: a journal only grows at its end,
 * so of a run that is at work the last pages change, and loops that are not through.
 */
export function settledPage(
  known: { readonly pages: readonly StepsPage[]; readonly pageParams: readonly unknown[] } | undefined,
  param: string | null,
): StepsPage | null {
  const at = known?.pageParams.indexOf(param) ?? -1;
  const page = known?.pages[at];
  if (page === undefined || page.next === null) return null;
  let last = known?.pages[at - 1]?.items.at(-1)?.seq ?? 0;
  for (const row of page.items) {
    if (row.seq >= UNRECORDED || row.seq - last >= JUMP || (isLoop(row) && row.done < row.items)) return null;
    last = row.seq;
  }
  return page;
}
