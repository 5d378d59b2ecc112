import { createHash } from 'node:crypto';
import { encodeLine, lineBytes, type LogLevel, type LogLine, logText } from '../../core/run/log-entry.js';
import type { Redaction } from '../../core/redact/redact.js';
import type { LogMark } from '../../core/run/run-state.js';

/** Settings of the log lines that are kept. */
export interface LogSettings {
  readonly levels: ReadonlySet<LogLevel>;
  /** Of one attempt; what comes after is counted only. */
  readonly maxEntries: number;
  /** Characters; what is longer is cut, with `…` at its end. */
  readonly maxMessageLength: number;
  /** Of one attempt, in stored form. */
  readonly maxBytes: number;
  /** True: output of `console` is kept too. */
  readonly console: boolean;
  /** True: kept lines are also written to where they would have gone. */
  readonly passthrough: boolean;
  /** Keys of the objects given to a logger that are kept. */
  readonly metadata: readonly string[];
  /** Redaction of the objects given to a logger. */
  readonly redact: Redaction;
}

interface StoredLine {
  readonly time: number;
  readonly line: string;
}

/**
 * Log lines of one pass of an attempt. A pass that comes after a wait runs the step's code from its top and logs the same
 * lines again: those that the pass before it has logged too, in the same order, are not stored twice.
 */
export class StepLog {
  private readonly lines: StoredLine[] = [];
  private bytes = 0;
  private dropped = 0;
  private lastTime = 0;

  constructor(
    readonly settings: LogSettings,
    private readonly clock: { now(): number },
    /** Log mark of earlier passes of the attempt. */
    private readonly before: LogMark | null,
  ) {}

  /** True when lines of this level are kept. */
  takes(level: LogLevel): boolean {
    return this.settings.levels.has(level);
  }

  add(said: LogLine): void {
    const { maxEntries, maxBytes } = this.settings;
    // Nothing later goes in where something did not: what is kept is the beginning, with no holes in it.
    if (this.dropped > 0 || this.lines.length >= maxEntries) return void this.dropped++;
    const message = shortened(said.message, this.settings.maxMessageLength);
    let line = encodeLine({ ...said, message });
    if (lineBytes(line) + this.bytes > maxBytes && said.metadata !== undefined) {
      line = encodeLine({ ...said, message, metadata: undefined });
    }
    const size = lineBytes(line);
    if (this.bytes + size > maxBytes) return void this.dropped++;
    this.bytes += size;
    // A clock that is set back changes no order.
    this.lastTime = Math.max(this.lastTime, this.clock.now());
    this.lines.push({ time: this.lastTime, line });
  }

  /** True when nothing was logged. */
  get isEmpty(): boolean {
    return this.lines.length === 0 && this.dropped === 0;
  }

  /** Lines to be stored, encoded; null: none. */
  text(): string | null {
    return this.isEmpty ? null : this.fresh().text;
  }

  /** Lines to be stored, and the log mark for the next pass of an attempt that is not over. */
  leave(): { readonly text: string; readonly mark: LogMark } | null {
    if (this.isEmpty) return null;
    const { text, kept, bytes } = this.fresh();
    if (text === null) return null;
    const { before, lines } = this;
    const mark: LogMark = {
      lines: lines.map(digest),
      dropped: this.dropped,
      kept: (before?.kept ?? 0) + kept,
      bytes: (before?.bytes ?? 0) + bytes,
    };
    return { text, mark };
  }

  /** Lines that were not stored before, within the attempt's limits. */
  private fresh(): { text: string | null; kept: number; bytes: number } {
    const { before, lines, settings } = this;
    if (before === null) return { text: logText(lines, this.dropped), kept: lines.length, bytes: this.bytes };
    const rest = withoutRepeated(lines, before.lines);
    let dropped = Math.max(0, this.dropped - before.dropped);
    let kept = 0;
    let bytes = 0;
    for (const { line } of rest) {
      const size = lineBytes(line);
      if (before.kept + kept >= settings.maxEntries || before.bytes + bytes + size > settings.maxBytes) break;
      kept++;
      bytes += size;
    }
    dropped += rest.length - kept;
    const text = kept === 0 && dropped === 0 ? null : logText(rest.slice(0, kept), dropped);
    return { text, kept, bytes };
  }
}

/** Of a pass that the next one does not repeat. */
export const NO_LINES: Pick<LogMark, 'lines' | 'dropped'> = { lines: [], dropped: 0 };

function shortened(message: string, most: number): string {
  return message.length <= most ? message : `${message.slice(0, most - 1)}…`;
}

/** `lines` without those that an earlier pass has logged too, in that order. */
function withoutRepeated(lines: readonly StoredLine[], earlier: readonly string[]): readonly StoredLine[] {
  let at = 0;
  return lines.filter((line) => {
    const found = at < earlier.length ? earlier.indexOf(digest(line), at) : -1;
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

function digest({ line }: StoredLine): string {
  return createHash('sha1').update(line).digest('base64').slice(0, 8);
}
