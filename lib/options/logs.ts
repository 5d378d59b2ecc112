import { LOG_LEVELS, type LogLevel } from '../core/run/log-entry.js';
import type { Redaction } from '../core/redact/redact.js';
import { given, type OptionReader } from '../core/option-reader.js';
import { didYouMean } from '../core/did-you-mean.js';
import type { LogSettings } from '../engine/step/log.js';

/** Options of the log lines that are kept with attempts. */
export interface LogOptions {
  /** `false`: nothing is kept, and no logger is touched. Default: `true`. */
  enabled?: boolean;
  /** Levels that are kept, whether or not the app's logger prints them. Default: all six. */
  levels?: readonly LogLevel[];
  /** Lines kept of one attempt: the first ones; the last of them says how many more there were. Default: 1000. */
  maxEntries?: number;
  /** Longest message in characters; a longer one is cut. Default: 10 000. */
  maxMessageLength?: number;
  /** Bytes kept of one attempt, in stored form. Default: 65 536. */
  maxBytes?: number;
  /** Keep what is written to `console` too: `error` and `warn` as these, `debug` and `trace` as debug. Default: `true`. */
  console?: boolean;
  /** `false`: what is kept is not printed as well. What is not kept always is. Default: `true`. */
  passthrough?: boolean;
  /**
   * Keys kept of the objects that are given to a logger beside the message: with `['orderId']`,
   * `logger.log('charged', { orderId, card })` keeps `orderId` alone. Default: none.
   */
  metadata?: readonly string[];
}

const MOST_KEYS = 100;

/** `null`: nothing is kept. */
export function readLogs(read: OptionReader, redact: Redaction): LogSettings | null {
  const logs = read.object('logs');
  if (logs === undefined) return { ...DEFAULT_LOGS, redact };
  if (logs === null) return null;
  const enabled = logs.boolean('enabled', true);
  const settings: LogSettings = {
    levels: readLevels(logs),
    maxEntries: logs.integer('maxEntries', DEFAULT_LOGS.maxEntries, { min: 1, max: 100_000 }),
    maxMessageLength: logs.integer('maxMessageLength', DEFAULT_LOGS.maxMessageLength, { min: 1, max: 1_000_000 }),
    maxBytes: logs.integer('maxBytes', DEFAULT_LOGS.maxBytes, { min: 1, max: 16_777_216, unit: 'bytes' }),
    console: logs.boolean('console', true),
    passthrough: logs.boolean('passthrough', true),
    metadata: readKeys(logs),
    redact,
  };
  logs.refuseOthers();
  return enabled ? settings : null;
}

const DEFAULT_LOGS: Omit<LogSettings, 'redact'> = {
  levels: new Set(LOG_LEVELS),
  maxEntries: 1_000,
  maxMessageLength: 10_000,
  maxBytes: 65_536,
  console: true,
  passthrough: true,
  metadata: [],
};

function readLevels(logs: OptionReader): ReadonlySet<LogLevel> {
  const levels = logs.take('levels');
  if (levels === undefined) return DEFAULT_LOGS.levels;
  const rule = `expected an array of ${LOG_LEVELS.map((level) => `'${level}'`).join(', ')}`;
  if (!Array.isArray(levels)) {
    logs.fault('levels', `${rule}, got ${given(levels)}`);
    return DEFAULT_LOGS.levels;
  }
  const known = new Set<LogLevel>();
  for (const level of levels as unknown[]) {
    const found = LOG_LEVELS.find((one) => one === level);
    if (found !== undefined) known.add(found);
    else {
      const hint = typeof level === 'string' ? didYouMean(level, LOG_LEVELS) : '';
      logs.fault('levels', `${rule}, got one with ${given(level)}.${hint}`);
    }
  }
  return known;
}

function readKeys(logs: OptionReader): readonly string[] {
  const keys = logs.take('metadata');
  if (keys === undefined) return [];
  const valid = Array.isArray(keys) && keys.length <= MOST_KEYS && keys.every((key) => typeof key === 'string' && key);
  if (valid) return [...new Set(keys as string[])];
  logs.fault('metadata', `expected an array of up to ${MOST_KEYS} names of keys, got ${given(keys)}`);
  return [];
}
