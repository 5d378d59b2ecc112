import { utf8Length } from './bytes.js';
import { decode } from './codec-decode.js';
import { encodeValue } from './codec-encode.js';
import { withoutOwnFrames } from './own-frames.js';
import { describe } from '../describe.js';
import { isDurableError } from '../errors/durable-error.js';
import type { StoredError } from '../errors/stored-error.js';
import { clip, isError, read } from '../text-of.js';

/** Bytes of the record's stored text. */
const MAX_BYTES = 8192;
const MAX_NAME = 200;
/** Causes below each other. */
const MAX_DEPTH = 8;
/** Characters of an error that is one of many. */
const SHORT_NAME = 40;
const SHORT_MESSAGE = 120;
/** Errors in one record, in causes, fields and `errors` together. */
const MAX_ERRORS = 20;

/** Held apart from the other fields, or never stored: HTTP clients hang whole sockets and secrets on their errors. */
const NOT_FIELDS = new Set(['name', 'message', 'stack', 'code', 'cause', 'errors', '__proto__']);
const NEVER = new Set(['request', 'response', 'config', 'headers', 'socket']);
/** Of what a database driver threw, also inside TypeORM's wrapper: these quote rows and parameters. */
const ROW_DATA = new Set(['detail', 'where', 'internalQuery', 'parameters', 'params', 'driverError']);
/** Of what wraps such an error, or a query that came to no answer: what it was sent, and what was thrown, once more. */
const SENT = new Set(['parameters', 'params', 'bindings', 'driverError']);
const NOTHING: ReadonlySet<string> = new Set();
/** What Drizzle appends to the text of a query in its message. */
const SENT_IN_MESSAGE = '\nparams: ';
/** SQLSTATE, by which a server's answer is known whatever driver has brought it. */
const SQLSTATE = /^[0-9A-Z]{5}$/;

interface Progress {
  readonly parents: object[];
  count: number;
}

/**
 * The record to store for whatever was thrown: name, message, code, stack, causes and the own fields that can be
 * stored, in at most 8 kB. Never throws: what cannot be read is left out.
 */
export function toStoredError(thrown: unknown): StoredError {
  return fit(recordOf(thrown, { parents: [], count: 0 }));
}

/** An `Error` to throw into user code, with all that the record kept; its causes are errors too. */
export function fromStoredError(stored: StoredError): Error {
  const { name, message, stack, cause, ...fields } = stored;
  const error = cause === undefined ? new Error(message) : new Error(message, { cause: fromStoredError(cause) });
  define(error, 'name', name, false);
  define(error, 'stack', stack ?? `${name}: ${message}`, false);
  for (const [key, value] of Object.entries(fields)) {
    define(error, key, value, key !== 'errors');
  }
  return error;
}

function recordOf(thrown: unknown, progress: Progress): StoredError {
  progress.count += 1;
  if (typeof thrown === 'string') {
    return { name: 'Error', message: thrown };
  }
  const given = typeof thrown === 'object' && thrown !== null ? thrown : null;
  const message = given === null ? undefined : read(given, 'message');
  if (given === null || (typeof message !== 'string' && !isError(given))) {
    const record: StoredError = {
      name: 'Error',
      message: `Something that is no Error was thrown: ${describe(thrown)}`,
    };
    keep(record, 'thrown', thrown, progress);
    return record;
  }
  const record: StoredError = {
    name: clip(nameOf(given), MAX_NAME),
    message: clip(shownOf(given, text(message)), MAX_BYTES),
  };
  const code = read(given, 'code');
  if (typeof code === 'string' || typeof code === 'number') {
    record.code = clip(String(code), MAX_NAME);
  }
  if (progress.parents.includes(given)) {
    return record;
  }
  const stack = read(given, 'stack');
  if (typeof stack === 'string') {
    const shown = stack.replace(text(message), () => shownOf(given, text(message)));
    record.stack = clip(withoutOwnFrames(shown, isDurableError(given)), MAX_BYTES);
  }
  if (progress.parents.length >= MAX_DEPTH || progress.count > MAX_ERRORS) {
    return record;
  }
  progress.parents.push(given);
  addCause(record, given, progress);
  addFields(record, given, progress);
  progress.parents.pop();
  return record;
}

function addCause(record: StoredError, given: object, progress: Progress): void {
  const cause = read(given, 'cause');
  if (cause !== undefined && cause !== null && !progress.parents.includes(cause)) {
    record.cause = recordOf(cause, progress);
  }
}

function addFields(record: StoredError, given: object, progress: Progress): void {
  // `errors` of an AggregateError is not enumerable.
  const errors = firstOf(read(given, 'errors'));
  keep(record, 'errors', errors, progress);
  // What has failed matters more than where: of many they are kept without their stacks and causes.
  if (errors !== undefined && record['errors'] === undefined) keep(record, 'errors', errors, progress, inShort);
  const quotes = quotesOf(given);
  let keys: string[] = [];
  try {
    keys = Object.keys(given);
  } catch {
    // A proxy that does not say what it holds.
  }
  for (const key of keys) {
    if (!NOT_FIELDS.has(key) && !NEVER.has(key) && !quotes.has(key)) {
      keep(record, key, read(given, key), progress);
    }
  }
}

/** Fields that may quote rows or parameters of a query. */
function quotesOf(given: object): ReadonlySet<string> {
  const wrapped = read(given, 'driverError');
  if (isServerAnswer(given) || (isObject(wrapped) && isServerAnswer(wrapped))) return ROW_DATA;
  const cause = read(given, 'cause');
  return isObject(wrapped) || isQuery(given) || (isObject(cause) && isServerAnswer(cause)) ? SENT : NOTHING;
}

/** A query with what it was sent, whatever has become of it: the connection was lost, or no answer came in time. */
function isQuery(given: object): boolean {
  const hasText = ['query', 'sql'].some((key) => typeof read(given, key) === 'string');
  return hasText && [...SENT].some((key) => Array.isArray(read(given, key)));
}

/** The message without the parameters that it quotes. */
function shownOf(given: object, message: string): string {
  const at = message.indexOf(SENT_IN_MESSAGE);
  return at >= 0 && quotesOf(given).size > 0 ? message.slice(0, at) : message;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A database server's answer, as `pg` or TypeORM throws it. */
function isServerAnswer(given: object): boolean {
  const code = read(given, 'code');
  return typeof code === 'string' && SQLSTATE.test(code) && typeof read(given, 'severity') === 'string';
}

function firstOf(errors: unknown): unknown {
  try {
    return Array.isArray(errors) ? errors.slice(0, MAX_ERRORS) : errors;
  } catch {
    return undefined;
  }
}

/** Adds a field as a copy that went through the codec; one that cannot be stored, or alone takes 8 kB, is left out. */
function keep(
  record: StoredError,
  key: string,
  value: unknown,
  progress: Progress,
  errorToRecord = (error: object): StoredError => recordOf(error, progress),
): void {
  if (value === undefined) {
    return;
  }
  try {
    record[key] = decode(encodeValue(value, { what: key, errorToRecord, budget: MAX_BYTES }));
  } catch {
    // Left out, as the docstring says.
  }
}

/** An error among up to MAX_ERRORS in one record. */
function inShort(given: object): StoredError {
  const code = read(given, 'code');
  return {
    name: clip(nameOf(given), SHORT_NAME),
    message: clip(shownOf(given, text(read(given, 'message'))), SHORT_MESSAGE),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: clip(String(code), SHORT_NAME) } : {}),
  };
}

/** Takes away what matters least until the record fits: stacks, then fields and causes, then the message. */
function fit(record: StoredError): StoredError {
  if (fits(record)) {
    return record;
  }
  for (const length of [3000, 1000, 300, 0]) {
    for (let at: StoredError | undefined = record; at !== undefined; at = at.cause) {
      if (length === 0) {
        delete at.stack;
      } else if (at.stack !== undefined) {
        at.stack = clip(at.stack, length);
      }
    }
    if (fits(record)) {
      return record;
    }
  }
  dropFields(record);
  for (const length of [4000, 1000, 300]) {
    for (let at: StoredError | undefined = record; at !== undefined && !fits(record); at = at.cause) {
      at.message = clip(at.message, length);
    }
  }
  while (record.cause !== undefined && !fits(record)) {
    dropLastCause(record);
  }
  return record;
}

/** Fields of the innermost cause first, in each the largest first. */
function dropFields(record: StoredError): void {
  if (record.cause !== undefined) {
    dropFields(record.cause);
  }
  const sizes = Object.keys(record)
    .filter((key) => !NOT_FIELDS.has(key) || key === 'errors')
    .map((key) => ({ key, size: encoded(record[key]).length }))
    .sort((a, b) => b.size - a.size);
  for (const { key } of sizes) {
    if (fits(record)) {
      return;
    }
    delete record[key];
  }
}

function dropLastCause(record: StoredError): void {
  if (record.cause?.cause === undefined) {
    delete record.cause;
  } else {
    dropLastCause(record.cause);
  }
}

function fits(record: StoredError): boolean {
  return utf8Length(encoded(record)) <= MAX_BYTES;
}

function encoded(value: unknown): string {
  return encodeValue(value, { what: 'error', errorToRecord: (error) => ({ message: read(error, 'message') }) });
}

function nameOf(given: object): string {
  const name = read(given, 'name');
  return typeof name === 'string' && name !== '' ? name : 'Error';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : describe(value);
}

function define(target: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}
