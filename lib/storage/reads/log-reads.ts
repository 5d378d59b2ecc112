import { encodeName } from '../../core/definition/definition-path.js';
import type { LogEntry, LogLevel } from '../../core/run/log-entry.js';
import type { Redaction } from '../../core/redact/redact.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { entriesOf, type LogRow } from './log-rows.js';

export interface NumberedEntry extends LogEntry {
  /** Names it within its run, and grows along its log. */
  readonly seq: number;
}

/** Page of a run's log lines. */
export interface LogsPage {
  /** Name of a step. */
  readonly step: string | null;
  readonly levels: readonly LogLevel[] | null;
  /** In the message, whatever its case. */
  readonly text: string | null;
  /** Lines after this one, or before it; null: from the first. */
  readonly from: { readonly way: 'next' | 'prev'; readonly seq: number } | null;
  readonly limit: number;
}

export interface FoundEntries {
  /** In their order. */
  readonly entries: readonly NumberedEntry[];
  /** Position at which the read has ended, in its direction; null: there is nothing further. */
  readonly reached: number | null;
}

/** More lines than an attempt can have. */
const LINES = 2 ** 17;
/** Records that one statement reads, and characters after which a look is broken off: its page may be short, or empty. */
const RECORDS = 50;
const MOST_READ = 4_000_000;

/** The log of one run, page by page: by record, and by line within it. */
export class PgLogReads {
  constructor(
    private readonly options: { readonly query: Query; readonly schema: string; readonly redact: Redaction },
  ) {}

  /** Null: there is no such run. */
  async page(id: string, page: LogsPage): Promise<FoundEntries | null> {
    const { from, limit } = page;
    const back = from?.way === 'prev';
    const step = page.step === null ? null : encodeName(page.step);
    const wanted = page.text?.toLowerCase() ?? null;
    const found: NumberedEntry[] = [];
    let record = from === null ? 0 : Math.floor((from.seq + (back ? -1 : 1)) / LINES);
    let read = 0;
    for (;;) {
      const rows = await this.rows<LogRow>('logs-page', [
        id,
        back ? null : record,
        back ? record : null,
        step,
        RECORDS,
      ]);
      if (rows.length === 0 && from === null && record === 0 && !(await this.exists(id))) return null;
      for (const row of rows) {
        const number = Number(row.seq);
        read += row.logs.length;
        const lines = entriesOf(row, this.options.redact).map((entry, at) => ({ seq: number * LINES + at, ...entry }));
        const fits = lines.filter(
          ({ seq, level, message }) =>
            (from === null || (back ? seq < from.seq : seq > from.seq)) &&
            (page.levels?.includes(level) ?? true) &&
            (wanted === null || message.toLowerCase().includes(wanted)),
        );
        for (const entry of back ? fits.toReversed() : fits) found.push(entry);
        record = back ? number - 1 : number + 1;
        if (found.length > limit || read > MOST_READ) break;
      }
      if (found.length > limit) {
        const shown = found.slice(0, limit);
        return { entries: back ? shown.toReversed() : shown, reached: shown.at(-1)?.seq ?? null };
      }
      const entries = back ? found.toReversed() : found;
      if (read > MOST_READ) return { entries, reached: back ? (record + 1) * LINES : record * LINES - 1 };
      if (rows.length < RECORDS) return { entries, reached: null };
    }
  }

  private async exists(id: string): Promise<boolean> {
    return (await this.rows('run-status', [id])).length > 0;
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.options.query<R>(sql(statement, this.options.schema), parameters);
  }
}
