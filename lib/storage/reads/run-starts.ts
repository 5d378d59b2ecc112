import type { ExecutionStatus } from '../../core/run/status.js';
import type { RunListFilters } from '../../core/run/execution.js';
import type { Query } from '../connection/transaction.js';
import { Conditions, wantedStatuses } from './run-filters.js';
import { RunPages } from './run-pages.js';
import { newestStartsQuery, type Pieces, startsOverQuery } from './run-query.js';
import type { BuiltQuery } from './run-sources.js';
import { readsHistory, type StretchRow, stretchQuery } from './run-stretch.js';

/** How many runs were started in each piece of a time, and of these failed. */
export interface Starts {
  readonly started: readonly number[];
  readonly failed: readonly number[];
  /** Those before this time are not counted: there are more than are looked at. Null: all are. */
  readonly lookedTo: Date | null;
}

interface PieceRow {
  readonly piece: number;
  readonly count: number;
  readonly oldest: Date;
  readonly failed?: number;
}

/**
 * Counts the starts of the runs that fit, of the newest `most` that have to be looked at: a month of a million runs would
 * take seconds, and the window of a page is what somebody types.
 */
export class RunStarts {
  constructor(
    private readonly query: Query,
    private readonly schema: string,
    private readonly most: number,
  ) {}

  /** @param failures the statuses that count as failed */
  async over(filters: RunListFilters, pieces: Pieces, failures: readonly ExecutionStatus[]): Promise<Starts> {
    const within = { ...filters, since: pieces.since, until: pieces.until };
    const conditions = new Conditions(filters);
    const picked = conditions.tagged('e') !== null || conditions.ids('e') !== null;
    const apart =
      filters.parentId === undefined &&
      picked &&
      (await new RunPages(this.query, this.schema, this.most).haveMany(filters));
    if (!apart && !readsHistory(filters)) {
      const rows = await this.rows(startsOverQuery(this.schema, within, pieces, this.most + 1));
      const oldest = Math.min(...rows.map((row) => row.oldest.getTime()));
      const isCut = rows.reduce((sum, { count }) => sum + count, 0) > this.most;
      return this.withFailures(rows, isCut ? new Date(oldest) : null, within, pieces, failures);
    }
    const { text, parameters } = stretchQuery(this.schema, within, this.most);
    const [stretch] = await this.query<StretchRow>(text, parameters);
    const lookedTo = stretch === undefined || stretch.whole ? null : stretch.end;
    const since = lookedTo ?? within.since;
    if (apart) {
      const rows = await this.rows(newestStartsQuery(this.schema, { ...within, since }, pieces, this.most, failures));
      return { ...inPieces(rows, pieces), lookedTo };
    }
    const rows = await this.rows(startsOverQuery(this.schema, { ...within, since }, pieces, null));
    return this.withFailures(rows, lookedTo, within, pieces, failures);
  }

  /** Of those that were counted, so that they are no more than these. */
  private async withFailures(
    rows: readonly PieceRow[],
    lookedTo: Date | null,
    filters: RunListFilters & { readonly since: Date },
    pieces: Pieces,
    failures: readonly ExecutionStatus[],
  ): Promise<Starts> {
    const asked = wantedStatuses(filters);
    const status = failures.filter((one) => asked === null || asked.finished.includes(one));
    const since = lookedTo ?? filters.since;
    const failed = await this.rows(startsOverQuery(this.schema, { ...filters, since, status }, pieces, this.most + 1));
    return { started: inPieces(rows, pieces).started, failed: inPieces(failed, pieces).started, lookedTo };
  }

  private async rows(built: BuiltQuery | null): Promise<PieceRow[]> {
    return built === null ? [] : this.query<PieceRow>(built.text, built.parameters);
  }
}

function inPieces(rows: readonly PieceRow[], { count: length }: Pieces): Pick<Starts, 'started' | 'failed'> {
  const [started, failed] = [Array.from({ length }, () => 0), Array.from({ length }, () => 0)];
  for (const { piece, count, failed: bad = 0 } of rows) {
    if (piece < 1 || piece > length) continue;
    started[piece - 1] = count;
    failed[piece - 1] = bad;
  }
  return { started, failed };
}
