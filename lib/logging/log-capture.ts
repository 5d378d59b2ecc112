import { ConsoleLogger, Logger } from '@nestjs/common';
import type { LogLevel } from '../core/run/log-entry.js';
import { shared } from '../core/shared.js';
import { type CallReader, consoleReader, nestReader } from './log-reading.js';
import { currentLog } from '../engine/step/scope.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts an object's method back as it was. */
type Undo = () => void;

const NEST_LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'];

/** By the method of `console`. Its others (table, group, count, …) call one of these. */
const CONSOLE_LEVELS: Readonly<Record<string, LogLevel>> = {
  log: 'log',
  info: 'log',
  dir: 'log',
  warn: 'warn',
  error: 'error',
  debug: 'debug',
  trace: 'debug',
};

/** Of the process, whichever copy of the package puts it in: a second wrapper would keep each line twice. */
const capture = shared('logs', () => ({
  users: 0,
  undos: [] as Undo[],
  /** A logger calls others: Nest's `Logger` a `ConsoleLogger`, which may call `console`. What they say was said already. */
  within: false,
}));

/**
 * Has what the code of steps says to Nest's loggers and to `console` kept by the step (currentLog). Process-wide, once
 * for all instances of the module, until the last of them releases it. Outside of steps the loggers are called through
 * with nothing done but one look at the async context.
 *
 * Nest's `Logger` is taken at its own methods, before the app's logger service and its levels: what is kept does not
 * depend on what is printed.
 *
 * @returns releases it; safe to call twice
 */
export function captureLogs(): () => void {
  if (capture.users++ === 0) capture.undos = install();
  let released = false;
  return () => {
    if (released) return;
    released = true;
    if (--capture.users > 0) return;
    for (const undo of capture.undos.splice(0).reverse()) undo();
  };
}

function install(): Undo[] {
  const console = globalThis.console;
  return [
    ...NEST_LEVELS.flatMap((level) => [
      wrap(Logger, level, nestReader(level, 'static'), false),
      wrap(Logger.prototype, level, nestReader(level, 'logger'), false),
      wrap(ConsoleLogger.prototype, level, nestReader(level, 'console'), false),
    ]),
    ...Object.entries(CONSOLE_LEVELS).map(([key, level]) => wrap(console, key, consoleReader(key, level), true)),
  ];
}

/**
 * Sets a wrapper before a method. Whoever sets one before ours later keeps it, and calls ours, when it is released: from
 * then on ours does nothing.
 */
function wrap(target: object, key: string, read: CallReader, isConsole: boolean): Undo {
  const own = Object.getOwnPropertyDescriptor(target, key);
  const original: unknown = Reflect.get(target, key);
  if (typeof original !== 'function') return () => {};
  let active = true;

  const wrapper: Method = function (this: unknown, ...args: unknown[]): unknown {
    const log = active && !capture.within ? currentLog() : null;
    if (log === null) return Reflect.apply(original, this, args);
    capture.within = true;
    try {
      const { settings } = log;
      if (isConsole && !settings.console) return Reflect.apply(original, this, args);
      const { level, line, passed } = read(this, args, settings, log);
      if (line === null) return Reflect.apply(original, this, args);
      log.add({ level, ...line });
      return settings.passthrough ? Reflect.apply(original, this, passed) : undefined;
    } finally {
      capture.within = false;
    }
  };

  const set = { configurable: true, writable: true, enumerable: own?.enumerable ?? true, value: wrapper };
  // A console that was frozen stays as it is.
  if (!Reflect.defineProperty(target, key, set)) return () => {};
  return () => {
    active = false;
    if (Reflect.get(target, key) !== wrapper) return;
    if (own === undefined) Reflect.deleteProperty(target, key);
    else Object.defineProperty(target, key, own);
  };
}
