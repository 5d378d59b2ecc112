import { cut, pad, type Part, tone, widthOf } from './text.js';

export interface Column<R> {
  readonly title: string;
  readonly of: (row: R) => Part;
  readonly align?: 'right';
  /** Columns that it may be cut to where the table is too wide. Default: it is never cut. */
  readonly least?: number;
  /** Where the table is too wide, columns with the highest number are left out first. Default: it stays. */
  readonly drop?: number;
  /** A shorter form, taken before a column with a lower `drop` than `shortenAt` is left out. */
  readonly short?: (row: R) => Part;
  readonly shortenAt?: number;
}

interface Laid<R> extends Column<R> {
  readonly width: number;
}

const GAP = 2;

/**
 * Lines of a table, made batch by batch: the first batch decides how wide the columns are, so that a list of any length
 * takes no more memory than one batch. `width`: columns of the terminal; null: no limit.
 */
export class Table<R> {
  private layout: Laid<R>[] | null = null;

  constructor(
    private readonly columns: readonly Column<R>[],
    private readonly width: number | null,
  ) {}

  lines(rows: readonly R[]): Part[] {
    const lines: Part[] = [];
    if (this.layout === null) {
      this.layout = layOut(this.columns, rows, this.width);
      lines.push(this.line(this.layout, (column) => tone('dim', column.title)));
    }
    const { layout } = this;
    for (const row of rows) lines.push(this.line(layout, (column) => column.of(row)));
    return lines;
  }

  private line(layout: readonly Laid<R>[], cell: (column: Laid<R>) => Part): Part {
    const last = layout.at(-1);
    return layout.flatMap((column) => {
      // What is never cut is whole in later batches too, also where they have longer ones than the first.
      const isWhole = this.width === null || column.least === undefined;
      const text = isWhole ? cell(column) : cut(cell(column), column.width);
      // Nothing is filled up at the end of a line.
      if (column === last) return column.align === 'right' ? [pad(text, column.width, 'right')] : [text];
      return [pad(text, column.width, column.align), ' '.repeat(GAP)];
    });
  }
}

function layOut<R>(columns: readonly Column<R>[], rows: readonly R[], width: number | null): Laid<R>[] {
  let laid: Laid<R>[] = columns.map((column) => measured(column, rows));
  if (width === null) return laid;
  while (leastOf(laid) > width) {
    const next = laid.reduce<Laid<R> | null>((found, column) => {
      return rankOf(column) > (found === null ? 0 : rankOf(found)) ? column : found;
    }, null);
    if (next === null) break;
    laid =
      next.short !== undefined && next.shortenAt === rankOf(next)
        ? laid.map((one) => (one === next ? measured(shortened(next), rows) : one))
        : laid.filter((one) => one !== next);
  }
  return shrink(laid, width);
}

function shortened<R>({ short, shortenAt: _, ...column }: Column<R>): Column<R> {
  return { ...column, of: short ?? column.of };
}

/** When it is its turn to be shortened or left out; 0: never. */
function rankOf<R>({ drop = 0, short, shortenAt = 0 }: Column<R>): number {
  return short === undefined ? drop : Math.max(drop, shortenAt);
}

function measured<R>(column: Column<R>, rows: readonly R[]): Laid<R> {
  const width = Math.max(widthOf(column.title), ...rows.map((row) => widthOf(column.of(row))));
  return { ...column, width };
}

/** The columns that the table takes when everything that may be cut is. */
function leastOf<R>(laid: readonly Laid<R>[]): number {
  return total(laid, ({ width, least }) => (least === undefined ? width : Math.min(width, least)));
}

function total<R>(laid: readonly Laid<R>[], widthIn: (column: Laid<R>) => number): number {
  return laid.reduce((sum, column) => sum + widthIn(column), GAP * (laid.length - 1));
}

/** Takes what is too much from the columns that may be cut, the widest first. */
function shrink<R>(laid: readonly Laid<R>[], width: number): Laid<R>[] {
  const result = [...laid];
  let excess = total(result, (column) => column.width) - width;
  while (excess > 0) {
    const at = widestToCut(result);
    const column = result[at];
    if (column === undefined) break;
    const second = Math.max(
      column.least ?? 0,
      ...result.flatMap((one, index) => (index !== at && isCut(one) ? [one.width] : [])),
    );
    const less = Math.min(excess, Math.max(1, column.width - second));
    result[at] = { ...column, width: column.width - less };
    excess -= less;
  }
  return result;
}

function isCut<R>({ least, width }: Laid<R>): boolean {
  return least !== undefined && width > least;
}

function widestToCut<R>(laid: readonly Laid<R>[]): number {
  let found = -1;
  laid.forEach((column, index) => {
    if (isCut(column) && column.width > (laid[found]?.width ?? 0)) found = index;
  });
  return found;
}
