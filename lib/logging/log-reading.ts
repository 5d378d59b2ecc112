import { format, inspect, type InspectOptions } from 'node:util';
import { isPlainData } from '../core/codec/codec.js';
import type { LogLevel, LogLine } from '../core/run/log-entry.js';
import { textOf } from '../core/text-of.js';
import type { LogSettings } from '../engine/step/log.js';

/** A call of a logger. */
export interface ReadCall {
  readonly level: LogLevel;
  /** Null: lines of its level are not kept. */
  readonly line: Omit<LogLine, 'level'> | null;
  /** The arguments to go on with: what is made only when it is asked for is made once. */
  readonly passed: unknown[];
}

export type CallReader = (
  self: unknown,
  args: unknown[],
  settings: LogSettings,
  log: { takes(level: LogLevel): boolean },
) => ReadCall;

/** Objects are shown as Nest's `ConsoleLogger` shows them. */
const SHOW: InspectOptions = { depth: 5, colors: false };

/** Reads calls of a method of `console`. */
export function consoleReader(method: string, level: LogLevel): CallReader {
  return (_, args, settings, log) => {
    if (!log.takes(level)) return { level, line: null, passed: args };
    const message = guarded(() => {
      const [first, ...more] = args;
      if (method === 'dir')
        return inspect(kept(first, settings), { ...(isPlainData(more[0]) ? more[0] : {}), colors: false });
      const text = format(...args.map((arg) => kept(arg, settings)));
      return method === 'trace' ? ['Trace', ...(args.length > 0 ? [text] : [])].join(': ') : text;
    });
    return { level, line: { message, ...metadataOf(args, settings) }, passed: args };
  };
}

/** Reads calls of a method of Nest's `Logger` class, of one of its instances, or of a `ConsoleLogger`. */
export function nestReader(level: LogLevel, kind: 'static' | 'logger' | 'console'): CallReader {
  return (self, args, settings, log) => {
    if (!log.takes(level)) return { level, line: null, passed: args };
    const passed = [madeOnce(args[0]), ...args.slice(1)];
    const own = kind === 'static' ? undefined : contextOf(self);
    const { context, stack, rest } = split(level, args.slice(1), own, kind === 'logger' && own !== undefined);
    const message = guarded(() => {
      const said = [passed[0], ...rest.filter((part) => !isPlainData(part) && part !== undefined)].map((part) =>
        shown(part, settings),
      );
      return stack === undefined ? said.join(' ') : `${said.join(' ')}\n${stack}`;
    });
    const line = {
      message,
      ...(context === undefined ? {} : { context }),
      ...metadataOf([passed[0], ...rest], settings),
    };
    return { level, line, passed };
  };
}

/**
 * The context and the stack among the arguments after the message, by the rules of Nest's `ConsoleLogger`: the last
 * string is the context, unless the logger has one of its own to add; an error's stack comes before it, or last.
 */
function split(level: LogLevel, parts: unknown[], own: string | undefined, named: boolean) {
  const rest = [...parts];
  const grave = level === 'error' || level === 'fatal';
  let context = own;
  let stack: string | undefined;
  const last = (): string | undefined => {
    const part = rest.at(-1);
    return typeof part === 'string' ? part : undefined;
  };
  if (grave && isStack(last())) stack = rest.pop() as string;
  if (!named && last() !== undefined) context = rest.pop() as string;
  if (grave && stack === undefined && last() !== undefined) stack = rest.pop() as string;
  return { context, stack, rest };
}

function isStack(text: string | undefined): boolean {
  return text !== undefined && /\n[ \t]+at .+:\d+:\d+/.test(text);
}

function contextOf(self: unknown): string | undefined {
  if (typeof self !== 'object' || self === null) return undefined;
  const context: unknown = Reflect.get(self, 'context');
  return typeof context === 'string' && context !== '' ? context : undefined;
}

/** A message may be a function, which Nest calls when it prints it; what it gives is then the same. */
function madeOnce(message: unknown): unknown {
  if (typeof message !== 'function' || isClass(message)) return message;
  let made: { value: unknown } | undefined;
  return () => (made ??= { value: Reflect.apply(message, undefined, []) as unknown }).value;
}

function shown(part: unknown, settings: LogSettings): string {
  if (typeof part === 'string') return part;
  if (typeof part !== 'function') return inspect(kept(part, settings), SHOW);
  return isClass(part) ? part.name : shown(Reflect.apply(part, undefined, []), settings);
}

/** An argument without what is not to be kept of it; what cannot be looked through is not kept at all. */
function kept(arg: unknown, { redact }: LogSettings): unknown {
  try {
    return redact.logged(arg);
  } catch (error) {
    return notShown(error);
  }
}

function isClass(value: Function): boolean {
  return Function.prototype.toString.call(value).startsWith('class ');
}

function metadataOf(args: readonly unknown[], settings: LogSettings): { metadata?: Record<string, unknown> } {
  try {
    return settings.metadata.length === 0 ? {} : foundMetadata(args, settings);
  } catch {
    // An argument that throws when it is looked at.
    return {};
  }
}

function foundMetadata(args: readonly unknown[], settings: LogSettings): { metadata?: Record<string, unknown> } {
  const { metadata: keys } = settings;
  const found: [string, unknown][] = [];
  for (const arg of args
    .filter(isPlainData)
    .map((one) => kept(one, settings))
    .filter(isPlainData)) {
    for (const key of keys) if (Object.hasOwn(arg, key)) found.push([key, arg[key]]);
  }
  return found.length === 0 ? {} : { metadata: Object.fromEntries(found) };
}

/** The text of a logged value, or of the error that it throws when it is read: a step must not fail by its logs. */
function guarded(show: () => string): string {
  try {
    return show();
  } catch (error) {
    return notShown(error);
  }
}

function notShown(error: unknown): string {
  return `[could not be shown: ${textOf(error)}]`;
}
