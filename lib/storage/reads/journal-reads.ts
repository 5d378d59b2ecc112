import { decode } from '../../core/codec/codec.js';
import type { StepRecord } from '../../core/run/execution.js';
import type { LogEntry } from '../../core/run/log-entry.js';
import { pathOfOnce } from '../../core/run/once-path.js';
import type { Redaction } from '../../core/redact/redact.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { entriesOf, type LogRow } from './log-rows.js';
import { fromRecord, identity, onceOf, type RecordRow, redactStep, visitOf } from './run-rows.js';
import type { PgStepReads } from './step-reads.js';

/** Records, and bytes of payloads, that are read at a time. */
const PAGE = 200;
const PAGE_BYTES = 4_000_000;
/** Characters of the newest payloads that are kept, since steps get what was returned just before. */
const KEPT = 16_000_000;

/** Attempts, what they recorded with `once()`, and lines that they logged in a pass of their own. */
const ATTEMPTS = new Set(['step', 'decision', 'branch', 'parallel', 'forEach', 'compensate']);

interface Row extends RecordRow {
  readonly logs: string | null;
}

export type JournalEntry = StepRecord & { readonly logs: readonly LogEntry[] };

/** The journal of one run, read in pieces, however long it is. Nothing here locks or waits. */
export class PgJournalReads {
  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      readonly redact: Redaction;
      readonly steps: PgStepReads;
    },
  ) {}

  /** The attempts in the order of their records, then those that wait or run. @param lines with what they logged */
  async *entries(id: string, lines: boolean): AsyncGenerator<JournalEntry> {
    const { redact, steps } = this.options;
    const data = new Payloads((seq) => this.payload(id, seq));
    // Of attempts whose records come later.
    const logs = new Map<string, LogEntry[]>();
    const once = new Map<string, ReturnType<typeof onceOf>[]>();
    // Before the records: an attempt that ends in between is then there once.
    const open = await steps.unfinished(id);
    const seen = new Set(open.map(identity));
    for (let after = 0; ;) {
      const rows = await this.rows<Row>('journal-page', [id, after, PAGE, PAGE_BYTES]);
      if (rows.length === 0) break;
      const children = await steps.childrenOf(id, rows);
      for (const row of rows) {
        after = Number(row.seq);
        const key = identity({ ...row, path: pathOfOnce(row.path) });
        if (lines && row.logs !== null) push(logs, key, ...entriesOf(row as LogRow, redact));
        if (row.type === 'once') push(once, key, onceOf(row, true));
        if (!ATTEMPTS.has(row.type)) continue;
        data.keep(after, row.output);
        const input = await data.at(Number(row.input_seq), row.input_item);
        const step = fromRecord(row, input, children.get(visitOf(row)) ?? null);
        const values = once.get(key);
        yield {
          ...redactStep(values === undefined ? step : { ...step, once: values }, redact),
          logs: logs.get(key) ?? [],
        };
        seen.delete(key);
        logs.delete(key);
        once.delete(key);
      }
    }
    for (const { seq: _, inputSeq, inputItem, ...step } of open) {
      const key = identity(step);
      if (!seen.has(key)) continue;
      const input = inputSeq === null ? null : await data.at(inputSeq, inputItem);
      const values = once.get(key);
      const whole = { ...step, input, output: null, ...(values !== undefined && { once: values }) };
      yield { ...redactStep(whole, redact), logs: logs.get(key) ?? [] };
    }
  }

  private async payload(id: string, seq: number): Promise<string | null> {
    return (await this.rows<{ data: string | null }>('step-data', [id, seq]))[0]?.data ?? null;
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.options.query<R>(sql(statement, this.options.schema), parameters);
  }
}

/** Outputs of records by number (0: the run's input), the newest of them kept. */
class Payloads {
  private readonly kept = new Map<number, string>();
  private size = 0;
  /** The items of the loop that was asked for last: decoded once, not for each. */
  private array: { readonly seq: number; readonly items: unknown } | null = null;

  constructor(private readonly load: (seq: number) => Promise<string | null>) {}

  keep(seq: number, text: string | null): void {
    if (text === null) return;
    this.kept.set(seq, text);
    this.size += text.length;
    for (const [oldest, { length }] of this.kept) {
      if (this.size <= KEPT) return;
      this.kept.delete(oldest);
      this.size -= length;
    }
  }

  /** Null: there is no such record, or it has none. */
  async at(seq: number, item: number | null): Promise<unknown> {
    if (item === null) {
      const text = await this.text(seq);
      return text === null ? null : decode(text);
    }
    if (this.array?.seq !== seq) {
      const text = await this.text(seq);
      this.array = { seq, items: text === null ? null : decode(text) };
    }
    const { items } = this.array;
    return Array.isArray(items) ? (items[item] as unknown) : null;
  }

  private async text(seq: number): Promise<string | null> {
    const known = this.kept.get(seq);
    if (known !== undefined) return known;
    const text = await this.load(seq);
    this.keep(seq, text);
    return text;
  }
}

function push<T>(into: Map<string, T[]>, key: string, ...values: readonly T[]): void {
  const known = into.get(key);
  if (known === undefined) into.set(key, [...values]);
  else for (const value of values) known.push(value);
}
