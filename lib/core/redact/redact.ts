import { parsePath, type PathPart } from './redact-path.js';
import { pathTree, PathState } from './path-state.js';
import { RedactWalk } from './redact-walk.js';
import type { StoredError } from '../errors/stored-error.js';

export { REDACTED } from './redact-walk.js';

/**
 * Keeps what the option `redact` names out of what is shown. Each gives a copy in which `'[redacted]'` stands for what a
 * path leads to, and the value itself where none does; nothing that is handed in is changed. Paths begin at the root of
 * what is handed in.
 */
export interface Redaction {
  /** A payload, as it was decoded. */
  payload(value: unknown): unknown;
  /** An object that stays one, also for a path that leads to all of it. */
  fields<T extends object>(value: T): T;
  /** An error record. Paths also begin at each `cause`, at each of its `errors`, and at what was `thrown`. */
  error(record: StoredError): StoredError;
  /** The argument of a logger, redacted; paths do not lead into texts. */
  logged(value: unknown): unknown;
}

/** Hides nothing, at no cost. */
export const NO_REDACTION: Redaction = {
  payload: (value) => value,
  fields: (value) => value,
  error: (record) => record,
  logged: (value) => value,
};

/** @throws RangeError for a path that `parsePath` does not take */
export function compileRedaction(paths: readonly string[]): Redaction {
  if (paths.length === 0) return NO_REDACTION;
  const tree = pathTree(paths.map(partsOf));
  const walk = (isLog = false): RedactWalk => new RedactWalk(PathState.at(tree), isLog);
  return {
    payload: (value) => walk().value(value),
    fields: <T extends object>(value: T) => walk().fields(value) as T,
    error: (record) => walk().error(record) as StoredError,
    logged: (value) => {
      if (typeof value !== 'object' || value === null) return value;
      const looking = walk(true);
      const shown = looking.value(value);
      return looking.hidden ? shown : value;
    },
  };
}

function partsOf(path: string): readonly PathPart[] {
  const parsed = parsePath(path);
  if (!parsed.ok) throw new RangeError(`"${path}" is not a path: ${parsed.problem}`);
  return parsed.parts;
}
