import process from 'node:process';
// Its matchers are there before the first look at them: all files have the one copy of it (runtime.cjs).
import '@jest/expect';
import { Logger } from '@nestjs/common';

/** Stores of metadata about classes of lib/ and of packages, which outlive a spec file. */
const KEPT = new Set(['typeormMetadataArgsStorage', 'classValidatorMetadataStorage']);
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
/** Of the process, what specs replace. The rest of its properties are Node's own affair. */
const FUNCTIONS = [
  'exit',
  'getBuiltinModule',
  'emitWarning',
  'kill',
  'hrtime',
  'nextTick',
  'cwd',
  'memoryUsage',
  'uptime',
];
const FACTS = ['argv', 'execArgv', 'execPath', 'platform', 'arch', 'version', 'versions', 'pid', 'ppid'];
/** Lists of the process that specs change in place. */
const LISTS = ['argv', 'execArgv'];
/** Globals whose value Node keeps behind a getter that stays the same when they are replaced. */
const BEHIND = ['process', 'Buffer', 'performance'];
/** Where the copies of `expect` keep what they have in common. */
const MATCHERS = Symbol.for('$$jest-matchers-object');
const LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'];

/**
 * What spec files change of the process that they share, as it is now: globals, of `process` what is replaced or assigned,
 * the folder, signal handlers, how errors are written, matchers of `expect`, Nest's logger.
 */
export class ProcessState {
  globals = descriptorsOf(globalThis);
  behind = BEHIND.map((name) => [name, globalThis[name]]);
  process = descriptorsOf(process);
  lists = LISTS.map((name) => [process[name], [...process[name]]]);
  assigned = { exitCode: process.exitCode, title: process.title };
  env = { ...process.env };
  folder = process.cwd();
  handlers = new Map(SIGNALS.map((signal) => [signal, new Set(process.rawListeners(signal))]));
  matchers = { ...globalThis[MATCHERS]?.matchers };
  testers = [...(globalThis[MATCHERS]?.customEqualityTesters ?? [])];
  logger = { instance: Logger.staticInstanceRef, levels: Logger.logLevels };

  constructor() {
    this.noteErrors();
  }

  /** How errors are written from now on is to be kept: jest sees to that after it has made the environment. */
  noteErrors() {
    this.errors = { limit: Error.stackTraceLimit, prepare: Error.prepareStackTrace };
  }

  restore() {
    restoreProperties(globalThis, this.globals);
    for (const [name, value] of this.behind) if (globalThis[name] !== value) globalThis[name] = value;
    restoreProperties(process, this.process, [...FUNCTIONS, ...FACTS]);
    for (const [list, before] of this.lists) list.splice(0, list.length, ...before);
    for (const [name, value] of Object.entries(this.assigned)) if (process[name] !== value) process[name] = value;
    for (const name of Object.keys(process.env)) if (!(name in this.env)) delete process.env[name];
    for (const [name, value] of Object.entries(this.env)) if (process.env[name] !== value) process.env[name] = value;
    if (process.cwd() !== this.folder) process.chdir(this.folder);
    for (const [signal, kept] of this.handlers)
      for (const handler of process.rawListeners(signal)) if (!kept.has(handler)) process.off(signal, handler);
    Error.stackTraceLimit = this.errors.limit;
    Error.prepareStackTrace = this.errors.prepare;
    this.restoreMatchers();
    this.restoreLogger();
  }

  restoreMatchers() {
    const common = globalThis[MATCHERS];
    if (common === undefined) return;
    for (const name of Object.keys(common.matchers)) if (!(name in this.matchers)) delete common.matchers[name];
    Object.assign(common.matchers, this.matchers);
    common.customEqualityTesters.splice(0, Infinity, ...this.testers);
  }

  restoreLogger() {
    if (Logger.isBufferAttached) Logger.detachBuffer();
    Logger.logBuffer.length = 0;
    Logger.staticInstanceRef = this.logger.instance;
    // Levels reach the loggers that are there already only as a list that they have not seen.
    if (Logger.logLevels !== this.logger.levels) Logger.overrideLogger([...(this.logger.levels ?? LEVELS)]);
  }
}

function descriptorsOf(object) {
  return new Map(Reflect.ownKeys(object).map((key) => [key, Object.getOwnPropertyDescriptor(object, key)]));
}

function restoreProperties(object, before, names = Reflect.ownKeys(object)) {
  for (const key of names) {
    const now = Object.getOwnPropertyDescriptor(object, key);
    const was = before.get(key);
    if (now === undefined || !now.configurable || KEPT.has(key)) continue;
    if (was === undefined) delete object[key];
    // A lazy global of Node became a plain one when it was first read; its getter finds the same value again.
    else if (now.value !== was.value || now.get !== was.get || now.set !== was.set)
      Object.defineProperty(object, key, was);
  }
  for (const [key, was] of before) if (!Object.hasOwn(object, key)) Object.defineProperty(object, key, was);
}
