import { createInterface } from 'node:readline/promises';
import { columnsOf, type Io, type Sink } from './io.js';
import { toJson, toPrettyJson } from './json.js';
import { type Column, Table } from './table.js';
import { cut, type Part, render, tone, wrap } from './text.js';
import { clockTime, exact, relative } from './time.js';

export interface ScreenOptions {
  readonly json: boolean;
  readonly utc: boolean;
  readonly wide: boolean;
}

/** ms between two drawings of what is drawn again in its place. */
const REDRAW = 100;

/**
 * All that a command prints. Data goes to stdout, talk (progress, questions, what was done beside it) to stderr. On a
 * terminal tables fit its width and there are colours; in a pipe there is neither.
 */
export class Screen {
  /** Whether somebody can be asked. */
  readonly interactive: boolean;
  /** Time of the database, ms: a clock that is off here makes no wrong "ago". */
  now: () => number = Date.now;
  private drawn = 0;
  private progressShown = false;
  private progressAt = -Infinity;

  constructor(
    private readonly io: Io,
    readonly options: ScreenOptions,
  ) {
    this.interactive = io.stdin.isTTY === true && io.stderr.isTTY === true;
  }

  get isJson(): boolean {
    return this.options.json;
  }

  /** Whether what is printed can be drawn again in its place. */
  get redraws(): boolean {
    return this.io.stdout.isTTY === true && !this.options.json && this.io.env['TERM'] !== 'dumb';
  }

  /** Columns of the terminal; null: lines may have any length. */
  get width(): number | null {
    if (this.io.stdout.isTTY !== true || this.options.wide) return null;
    return columnsOf(this.io.stdout);
  }

  /** Lines of the terminal. */
  get height(): number {
    return this.io.stdout.rows || 24;
  }

  line(...parts: Part[]): void {
    this.clearProgress();
    this.io.stdout.write(`${this.text(this.io.stdout, parts)}\n`);
  }

  lines(lines: readonly Part[]): void {
    for (const line of lines) this.line(line);
  }

  /** The lines cut to the terminal. */
  cut(lines: readonly Part[]): Part[] {
    const { width } = this;
    return width === null ? [...lines] : lines.map((line) => cut(line, width));
  }

  /** The line as lines that fit the terminal, those after the first indented. */
  wrap(line: Part, indent = 0): Part[] {
    const { width } = this;
    return width === null ? [line] : wrap(line, width, indent);
  }

  /** Text that is what it is: a document of another format, made by us. */
  raw(text: string): void {
    this.clearProgress();
    this.io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** One document. */
  json(value: unknown): void {
    this.raw(this.io.stdout.isTTY === true ? toPrettyJson(value) : toJson(value));
  }

  /** One item of a document that is a list: each on a line. */
  jsonItem(value: unknown, isFirst: boolean): void {
    this.io.stdout.write(`${isFirst ? '[' : ',\n'}${toJson(value)}`);
  }

  jsonItemsEnd(isEmpty: boolean): void {
    this.io.stdout.write(isEmpty ? '[]\n' : ']\n');
  }

  /** One line of a stream of documents. */
  jsonLine(value: unknown): void {
    this.raw(toJson(value));
  }

  table<R>(columns: readonly Column<R>[]): Table<R> {
    return new Table(columns, this.width);
  }

  /** Talk. */
  say(...parts: Part[]): void {
    this.clearProgress();
    this.io.stderr.write(`${this.text(this.io.stderr, parts)}\n`);
  }

  /** Waits while stdout takes nothing more: what is printed is never piled up in memory. */
  async flow(): Promise<void> {
    const { stdout } = this.io;
    if (stdout.write('')) return;
    await new Promise<void>((resolve) => stdout.once('drain', resolve));
  }

  /** Lines that a drawing may have. */
  get room(): number {
    return Math.max(1, this.height - 1);
  }

  /** Draws the lines in the place of those drawn before, cut to the terminal: what there is no room for is only counted. */
  redraw(lines: readonly Part[]): void {
    const { stdout } = this.io;
    const width = columnsOf(stdout);
    const { room } = this;
    const left = lines.length - room + 1;
    const shown = left > 1 ? [...lines.slice(0, room - 1), tone('dim', `… ${left} more lines`)] : lines;
    const up = this.drawn === 0 ? '' : `\x1b[${this.drawn}A\r`;
    const body = shown.map((line) => `${this.text(stdout, [cut(line, width)])}\x1b[K\n`).join('');
    stdout.write(`${up}${body}\x1b[J`);
    this.drawn = shown.length;
  }

  /** A count that goes on, drawn in place on a terminal: `Deleted 12 000 runs, 800 a second`. */
  progress(verb: string, done: number, total: number | null, since: number): void {
    const now = performance.now();
    if (now - this.progressAt < REDRAW) return;
    this.progressAt = now;
    const rate = Math.round((done * 1_000) / Math.max(1, now - since));
    this.note(`${verb} ${done}${total === null ? '' : ` of ${total}`}, ${rate} a second`);
  }

  /** Talk that gives way to whatever comes next; on a terminal only. */
  note(text: string): void {
    const { stderr } = this.io;
    if (stderr.isTTY !== true) return;
    this.progressShown = true;
    stderr.write(`\r${this.text(stderr, [cut(text, columnsOf(stderr) - 1)])}\x1b[K`);
  }

  clearProgress(): void {
    if (!this.progressShown) return;
    this.progressShown = false;
    this.progressAt = -Infinity;
    this.io.stderr.write('\r\x1b[K');
  }

  /** Asks for a yes on the terminal. After Ctrl-C nobody is asked. */
  async confirm(question: string): Promise<boolean> {
    this.clearProgress();
    const { stdin, signal } = this.io;
    if (signal.aborted) return false;
    const reader = createInterface({ input: stdin, output: this.io.stderr as NodeJS.WriteStream, terminal: false });
    try {
      this.io.stderr.write(`${this.text(this.io.stderr, [question])} [y/N] `);
      const answer = await Promise.race([
        new Promise<string>((resolve) => reader.once('line', resolve)),
        new Promise<string>((resolve) => reader.once('close', () => resolve(''))),
        new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve(''), { once: true })),
      ]);
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      reader.close();
    }
  }

  /** `3 min ago`; with `--utc` the time itself. */
  ago(date: Date | null): string {
    if (date === null) return '';
    return this.options.utc ? exact(date, true) : relative(date, this.now());
  }

  /** The time itself, and how long ago that is. */
  at(date: Date): string {
    return `${exact(date, this.options.utc)} (${relative(date, this.now())})`;
  }

  clock(date: Date): string {
    return clockTime(date, this.options.utc);
  }

  private text(sink: Sink, parts: readonly Part[]): string {
    return render(parts, this.colours(sink));
  }

  private colours(sink: Sink): boolean {
    const { NO_COLOR, FORCE_COLOR, TERM } = this.io.env;
    if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
    if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
    return sink.isTTY === true && TERM !== 'dumb';
  }
}
