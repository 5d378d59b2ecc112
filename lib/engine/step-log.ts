import { createHash } from 'node:crypto';
import { encodeLine, lineBytes, type LogLevel, type LogLine, logText } from '../core/log-entry.js';
import type { LogMark } from '../core/run-state.js';

/** What of the output of a step's code is kept. */
export interface LogSettings {
  readonly levels: ReadonlySet<LogLevel>;
  /** Of one attempt; what comes after is counted only. */
  readonly maxEntries: number;
  /** Characters; what is longer is cut, with `…` at its end. */
  readonly maxMessageLength: number;
  /** Of one attempt, in stored form. */
  readonly maxBytes: number;
  /** Whether output of `console` is kept too. */
  readonly console: boolean;
  /** Whether what is kept is also written to where it would have gone. */
  readonly passthrough: boolean;
  /** Keys of the objects given to a logger that are kept. */
  readonly metadata: readonly string[];
}

interface HeldLine {
  readonly time: number;
  readonly line: string;
}

/**
 * What the code of one pass of an attempt has logged. A pass that comes after a wait runs the step's code from its top
 * and says again what was said before: where it begins with exactly the lines of the pass before it, those are not
 * stored twice.
 */
export class StepLog {
  private readonly lines: HeldLine[] = [];
  private bytes = 0;
  private dropped = 0;
  private lastTime = 0;

  constructor(
    readonly settings: LogSettings,
    private readonly now: () => number,
    /** What earlier passes of the attempt have left. */
    private readonly before: LogMark | null,
  ) {}

  /** Whether lines of this level are kept. */
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
    this.lastTime = Math.max(this.lastTime, this.now());
    this.lines.push({ time: this.lastTime, line });
  }

  /** Whether nothing was logged. */
  get isEmpty(): boolean {
    return this.lines.length === 0 && this.dropped === 0;
  }

  /** What of it is to be stored; null: nothing. */
  text(): string | null {
    return this.isEmpty ? null : this.fresh().text;
  }

  /** What of it is to be stored, and what the next pass is to know, where the attempt is not over. */
  leave(): { readonly text: string; readonly mark: LogMark } | null {
    if (this.isEmpty) return null;
    const { text, kept, bytes } = this.fresh();
    if (text === null) return null;
    const { before, lines } = this;
    const mark: LogMark = {
      lines: lines.length,
      hash: hashOf(lines),
      dropped: this.dropped,
      kept: (before?.kept ?? 0) + kept,
      bytes: (before?.bytes ?? 0) + bytes,
    };
    return { text, mark };
  }

  /** What was not stored before, as far as the attempt's limits go. */
  private fresh(): { text: string | null; kept: number; bytes: number } {
    const { before, lines, settings } = this;
    if (before === null) return { text: logText(lines, this.dropped), kept: lines.length, bytes: this.bytes };
    const again = lines.length >= before.lines && hashOf(lines.slice(0, before.lines)) === before.hash;
    const rest = again ? lines.slice(before.lines) : lines;
    let dropped = again ? Math.max(0, this.dropped - before.dropped) : this.dropped;
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

/** The log of an attempt's next pass; null: what steps log is not kept. */
export function stepLog(
  { logs, clock }: { readonly logs: LogSettings | null; readonly clock: { now(): number } },
  before: LogMark | null,
): StepLog | null {
  return logs === null ? null : new StepLog(logs, () => clock.now(), before);
}

/** Of a pass that the next one does not repeat. */
export const NO_LINES: Pick<LogMark, 'lines' | 'hash' | 'dropped'> = { lines: 0, hash: hashOf([]), dropped: 0 };

function shortened(message: string, most: number): string {
  return message.length <= most ? message : `${message.slice(0, most - 1)}…`;
}

function hashOf(lines: readonly HeldLine[]): string {
  const hash = createHash('sha1');
  for (const { line } of lines) hash.update(line).update('\n');
  return hash.digest('base64');
}
