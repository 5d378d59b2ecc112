import type { LogEntry, LogLevel } from '../../core/run/log-entry.js';
import type { Screen } from '../output/screen.js';
import { type Part, type Tone, tone } from '../output/text.js';

const TONES: Partial<Record<LogLevel, Tone>> = {
  fatal: 'red',
  error: 'red',
  warn: 'yellow',
  debug: 'dim',
  verbose: 'dim',
};

/** `14:03:22 warn  charge#2 [Payments] message {"key":1}` */
export function logLine(
  screen: Screen,
  { time, level, step, attempt, context, message, metadata, dropped }: LogEntry,
): Part[] {
  const name = TONES[level];
  const word = level.padEnd(7);
  return [
    tone('dim', screen.clock(time)),
    ' ',
    name === undefined ? word : tone(name, word),
    ' ',
    tone('blue', attempt > 1 ? `${step}#${attempt}` : step),
    ' ',
    ...(context === undefined ? [] : [tone('dim', `[${context}] `)]),
    message,
    ...(metadata === undefined ? [] : [tone('dim', ` ${JSON.stringify(metadata)}`)]),
    ...(dropped === undefined ? [] : [tone('dim', ` (${dropped} more lines were not kept)`)]),
  ];
}
