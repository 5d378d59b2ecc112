import { utf8Length } from '../codec/bytes.js';
import { decode, encode } from '../codec/codec.js';
import { SerializationError } from '../errors/errors-execution.js';

/** The levels of Nest's `Logger`, the gravest first; what is written to `console` has the one that is nearest. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
/** Level of a log line. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One captured call of a logger. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** The logger's context, by which Nest's loggers are named. */
  readonly context?: string;
  /** Arguments of the call beside the message: the keys that the option `logs.metadata` names. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A captured line with its time, as it was stored. */
export interface TimedLine extends LogLine {
  /** ms of database time */
  readonly time: number;
  /** Number of lines after this one that were dropped for the limits of the option `logs`. */
  readonly dropped?: number;
}

/** A captured line as clients read it. */
export interface LogEntry extends LogLine {
  readonly time: Date;
  /** Name of the step. */
  readonly step: string;
  readonly attempt: number;
  /** So many lines of this attempt after this one were not kept, for the limits of the option `logs`. */
  readonly dropped?: number;
}

/**
 * The stored form of a line without its time. A value that cannot be stored gives way to a note: a logger takes
 * anything.
 */
export function encodeLine({ level, message, context, metadata }: LogLine): string {
  const head = { l: level, m: message, ...(context === undefined ? {} : { c: context }) };
  if (metadata === undefined) return encode(head);
  return encode({ ...head, d: Object.fromEntries(Object.entries(metadata).map(storable)) });
}

function storable([key, value]: [string, unknown]): [string, unknown] {
  try {
    encode(value);
    return [key, value];
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    return [key, `[not stored: ${error.message}]`];
  }
}

/** Bytes that a line takes in the database, with its time and the line break. */
export function lineBytes(line: string): number {
  return utf8Length(line) + 16;
}

/** The stored text of lines and their times: one a row, the time first, last a row with how many more there were. */
export function logText(lines: readonly { readonly time: number; readonly line: string }[], dropped: number): string {
  const rows = lines.map(({ time, line }) => `${Math.round(time)} ${line}`);
  if (dropped > 0) rows.push(`+${dropped}`);
  return rows.join('\n');
}

/** The lines in a stored text. */
export function parseLogText(text: string): TimedLine[] {
  const lines: TimedLine[] = [];
  for (const row of text.split('\n')) {
    const last = lines.at(-1);
    if (row.startsWith('+')) {
      if (last !== undefined) lines[lines.length - 1] = { ...last, dropped: (last.dropped ?? 0) + Number(row) };
      continue;
    }
    const at = row.indexOf(' ');
    const { l: level, m: message, c: context, d: metadata } = decode(row.slice(at + 1)) as StoredLine;
    lines.push({
      time: Number(row.slice(0, at)),
      level,
      message,
      ...(context === undefined ? {} : { context }),
      ...(metadata === undefined ? {} : { metadata }),
    });
  }
  return lines;
}

interface StoredLine {
  readonly l: LogLevel;
  readonly m: string;
  readonly c?: string;
  readonly d?: Record<string, unknown>;
}
