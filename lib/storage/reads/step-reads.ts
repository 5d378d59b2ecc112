import { createHash } from 'node:crypto';
import { decode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { InFlight, StepRecord } from '../../core/run/execution.js';
import type { LogEntry } from '../../core/run/log-entry.js';
import type { Redaction } from '../../core/redact/redact.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';
import { collapsing, type LoopItem, type LoopPage, type LoopRow, type LongLoop, LoopReads } from './loop-reads.js';
import { AttemptLogs, type LogRow } from './log-rows.js';
import { dataRefOf, fromRecord, identity, type RecordRow, type StepWaitRow, unfinished, visitOf } from './run-rows.js';

/** One attempt without its payloads and logs. */
export interface StepRow extends Omit<StepRecord, 'input' | 'output' | 'logs' | 'once'> {
  /** Names it within its run: the number of its record, or, as long as it has none, a number above all of these. */
  readonly seq: number;
  /** The record that its input stands in; 0: the run's input. Null: not known. */
  readonly inputSeq: number | null;
}

/** Page of a run's attempts. */
export interface StepsPage {
  /** At or below this path. */
  readonly under: string | null;
  readonly statuses: readonly StepRecord['status'][] | null;
  /** Attempts after this one, or before it; null: from the first. */
  readonly from: StepMark | null;
  readonly limit: number;
}

export interface StepMark {
  readonly way: 'next' | 'prev';
  readonly seq: number;
  /** 1: the sums of the loop that this record began. */
  readonly sums: number;
  /** Of an attempt without a record, when it began, ms: these stand in this order. */
  readonly begun: number;
}

export interface StepPayloads extends Pick<StepRecord, 'input' | 'output' | 'error'> {
  readonly logs: readonly LogEntry[];
}

interface OpenRow extends Omit<StepWaitRow, 'path' | 'state'> {
  readonly leased: boolean;
  /** Null: nothing waits. */
  readonly path: string | null;
}

/** Records among which those are looked for that were made since it was read what waits and what processes have published. */
const LATEST = 20_000;
/** Attempts that have no record yet are numbered from here on, by what they are alone. */
const UNRECORDED = 2 ** 52;

/** The attempts of one run, page by page, for people. Nothing here locks or waits. */
export class PgStepReads {
  private readonly loops: LoopReads;

  constructor(
    private readonly options: {
      readonly query: Query;
      readonly schema: string;
      readonly redact: Redaction;
      /** The attempts of a run that run now, as far as processes have said. */
      readonly inFlight: (id: string) => Promise<readonly InFlight[]>;
      readonly definition: (id: string) => Promise<WorkflowDefinition | null>;
    },
  ) {
    this.loops = new LoopReads(options);
  }

  /**
   * The attempts that have ended in the order of their records, then those that wait or run; the items of a long loop as one
   * row of sums behind its selector's. One more than `limit` is given where there are more. Null: there is no such run.
   */
  async page(id: string, page: StepsPage): Promise<(StepRow | LoopRow)[] | null> {
    const { under, from, limit } = page;
    const [running, loops] = await Promise.all([this.options.inFlight(id), this.loops.long(id)]);
    const shown = collapsing(loops, under);
    const begins = [...new Set(shown.map(({ path }) => `${path}[`))];
    const sums = this.sumsOf(id, running);
    // They take longest.
    const first = shown.find(({ path }) => isUnder(path, under));
    if (first !== undefined && isOnFirst(page, first)) sums(first).catch(() => undefined);
    const open = await this.rows<OpenRow>('open-steps', [id, under, begins]);
    if (open.length === 0) return null;
    const back = from?.way === 'prev';
    // Beside a row of sums stands that of its selector, which has the same number.
    const near = from === null ? 0 : back ? from.seq + 1 : from.seq - (from.sums === 1 ? 0 : 1);
    const wanted = page.statuses?.filter((status) => status === 'completed' || status === 'failed') ?? null;
    const records = await this.rows<RecordRow>('steps-page', [
      id,
      back ? null : near,
      back ? Math.min(near, UNRECORDED) : null,
      under,
      wanted,
      begins,
      limit + 2,
    ]);
    const children = await this.childrenOf(id, records);
    const ended = records.map((row) => this.shown(row, children.get(visitOf(row)) ?? null));
    const unrecorded = await this.unrecorded(id, open, running, page, begins);
    const rows: (Omit<StepMark, 'way'> & { row: StepRow | (() => Promise<LoopRow>) })[] = [
      ...ended.map((row) => ({ ...placeOf(row), row })),
      ...unrecorded.map(({ inputItem: _, ...row }) => ({ ...placeOf(row), row })),
      ...this.loopsAmong(shown, records).map((loop) => ({
        seq: loop.seq,
        sums: 1,
        begun: 0,
        row: () => sums(loop),
      })),
    ];
    const fits = rows.filter((row) => from === null || (back ? inOrder(row, from) < 0 : inOrder(row, from) > 0));
    const sorted = fits.toSorted((a, b) => inOrder(a, b) * (back ? -1 : 1)).slice(0, limit + 1);
    const found: (StepRow | LoopRow)[] = [];
    for (const { row } of sorted) found.push(typeof row === 'function' ? await row() : row);
    return found;
  }

  /** Input, output and log lines of an attempt; null: there is none of that number. */
  async payloads(id: string, seq: number): Promise<StepPayloads | null> {
    if (seq >= UNRECORDED) return this.payloadsOfOpen(id, seq);
    const [row] = await this.rows<PayloadRow>('step-payloads', [id, seq]);
    if (row === undefined) return null;
    const { redact } = this.options;
    return {
      input: dataOf(row.input, row.input_item, redact),
      output: row.output === null ? null : redact.payload(decode(row.output)),
      error: row.error === null ? null : redact.error(decode(row.error) as StoredError),
      logs: await this.logsOf(id, row),
    };
  }

  /** A page of the items of a loop; null: there is no such loop, or it has not begun. */
  async items(id: string, path: string, page: LoopPage): Promise<LoopItem[] | null> {
    return this.loops.items(id, path, page, await this.options.inFlight(id));
  }

  /** All attempts of a run that wait or run and have no record yet. */
  async unfinished(id: string): Promise<Unrecorded[]> {
    const running = await this.options.inFlight(id);
    const open = await this.rows<OpenRow>('open-steps', [id, null, []]);
    return this.unrecorded(id, open, running, { under: null, statuses: null, from: null, limit: 1 }, []);
  }

  private async payloadsOfOpen(id: string, seq: number): Promise<StepPayloads | null> {
    const found = (await this.unfinished(id)).find((row) => row.seq === seq);
    if (found === undefined) return null;
    const [row] =
      found.inputSeq === null ? [] : await this.rows<{ data: string | null }>('step-data', [id, found.inputSeq]);
    const input = dataOf(row?.data ?? null, found.inputItem, this.options.redact);
    return { input, output: null, error: null, logs: await this.logsOf(id, found) };
  }

  private async logsOf(id: string, { path, round, visit, attempt }: Attempt): Promise<readonly LogEntry[]> {
    const rows = await this.rows<LogRow>('attempt-logs', [id, path, round, visit, attempt]);
    return new AttemptLogs(rows, this.options.redact).of({ path, round, visit, attempt });
  }

  /** Asks for the sums of each loop once. */
  private sumsOf(id: string, running: readonly InFlight[]): (loop: LongLoop) => Promise<LoopRow> {
    const asked = new Map<number, Promise<LoopRow>>();
    return (loop) => {
      const known = asked.get(loop.seq) ?? this.loops.sums(id, loop, running);
      asked.set(loop.seq, known);
      return known;
    };
  }

  /** The long loops whose selectors are among the records. */
  private loopsAmong(loops: readonly LongLoop[], records: readonly RecordRow[]): LongLoop[] {
    const begun = new Set(records.map(({ seq }) => Number(seq)));
    return loops.filter(({ seq }) => begun.has(seq));
  }

  /** The children that attempts have called, by visit. */
  async childrenOf(id: string, records: readonly RecordRow[]): Promise<Map<string, string>> {
    if (records.length === 0) return new Map();
    const paths = [...new Set(records.map(({ path }) => path))];
    const rows = await this.rows<{ path: string; round: number; visit: number; child_id: string }>('called-children', [
      id,
      paths,
    ]);
    return new Map(rows.map((row) => [visitOf(row), row.child_id]));
  }

  /** Attempts that wait or run and have no record yet, in the order in which they began; processes publish theirs late. */
  private async unrecorded(
    id: string,
    open: readonly OpenRow[],
    running: readonly InFlight[],
    { under, statuses }: StepsPage,
    begins: readonly string[],
  ): Promise<Unrecorded[]> {
    const rows = new Map<string, Omit<Unrecorded, 'seq'>>();
    const add = (row: Omit<Unrecorded, 'seq'>): void => {
      const key = identity(row);
      if (!rows.has(key) && (statuses?.includes(row.status) ?? true)) rows.set(key, row);
    };
    for (const { path, ...wait } of open) {
      if (path === null) continue;
      const {
        input: _,
        output: __,
        ...row
      } = unfinished({ path, ...wait }, 'waiting', wait.created_at, undefined, wait.child_id);
      add({ ...row, inputSeq: Number(wait.input_seq), inputItem: wait.input_item });
    }
    for (const attempt of open[0]?.leased === true ? running : []) {
      const { path } = attempt;
      if (!isUnder(path, under) || begins.some((begin) => path.startsWith(begin))) continue;
      const {
        input: _,
        output: __,
        ...row
      } = unfinished(attempt, 'running', new Date(attempt.startedAt), undefined, null);
      const [inputSeq, inputItem] = dataRefOf(attempt.input);
      add({ ...row, inputSeq, inputItem });
    }
    if (rows.size === 0) return [];
    const paths = [...new Set([...rows.values()].map(({ path }) => path))];
    for (const known of await this.rows<Attempt>('ended-attempts', [id, paths, LATEST])) rows.delete(identity(known));
    return numbered([...rows.values()]);
  }

  private shown(row: RecordRow, childId: string | null): StepRow {
    const { input: _, output: __, ...step } = fromRecord({ ...row, output: null }, undefined, childId);
    const error = step.error === null ? null : this.options.redact.error(step.error);
    return { ...step, error, seq: Number(row.seq), inputSeq: Number(row.input_seq) };
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.options.query<R>(sql(statement, this.options.schema), parameters);
  }
}

type Attempt = Pick<StepRecord, 'path' | 'round' | 'visit' | 'attempt'>;

interface PayloadRow extends Attempt {
  readonly input: string | null;
  readonly input_item: number | null;
  readonly output: string | null;
  readonly error: string | null;
}

export interface Unrecorded extends StepRow {
  /** The item of the array that its input stands in. */
  readonly inputItem: number | null;
}

/**
 * Each has a number of its own as long as it has no record, whatever else is there: 48 bits of a digest of what it is. That two
 * of ten thousand share one has a chance of one in millions; then both are left out, since one could be taken for the other.
 */
function numbered(rows: readonly Omit<Unrecorded, 'seq'>[]): Unrecorded[] {
  const found = rows.map((row) => ({ ...row, seq: UNRECORDED + digestOf(identity(row)) }));
  const times = new Map<number, number>();
  for (const { seq } of found) times.set(seq, (times.get(seq) ?? 0) + 1);
  return found.filter(({ seq }) => times.get(seq) === 1);
}

function digestOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}

/** Place of a row in the order of a page. */
export function placeOf(row: StepRow | LoopRow): Omit<StepMark, 'way'> {
  if ('cells' in row) return { seq: row.seq, sums: 1, begun: 0 };
  return { seq: row.seq, sums: 0, begun: row.seq < UNRECORDED ? 0 : row.startedAt.getTime() };
}

/** Records and sums by number, then what has no record yet by when it began. */
function inOrder(a: Omit<StepMark, 'way'>, b: Omit<StepMark, 'way'>): number {
  return a.begun - b.begun || a.seq - b.seq || a.sums - b.sums;
}

function dataOf(text: string | null, item: number | null, redact: Redaction): unknown {
  if (text === null) return null;
  const data = decode(text);
  const own: unknown = item === null ? data : Array.isArray(data) ? data[item] : null;
  return own === undefined ? null : redact.payload(own);
}

/** True where it is known before the page is read: no more records come before a loop than the number of its selector's. */
function isOnFirst({ statuses, from, limit }: StepsPage, { seq }: LongLoop): boolean {
  return from === null && seq <= limit && (statuses?.includes('completed') ?? true);
}

function isUnder(path: string, under: string | null): boolean {
  if (under === null || path === under) return true;
  return path.startsWith(under) && './['.includes(path.charAt(under.length));
}
