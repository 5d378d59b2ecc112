import { decodeName, encodeName } from '../definition/definition-path.js';

/** Paths of records that belong to an attempt, and are none themselves. */

const ONCE_MARK = '~~';

/** The path of what a step's code has logged in a pass of its own. */
export function logPath(path: string): string {
  return path + ONCE_MARK + 'log';
}

export function oncePath(path: string, name: string): string {
  return path + ONCE_MARK + encodeName(name);
}

/** The name of a `once`, by the path of its record. */
export function nameOfOnce(path: string): string {
  return decodeName(encodedNameOfOnce(path));
}

/** As it stands in the path. */
export function encodedNameOfOnce(path: string): string {
  return path.slice(path.indexOf(ONCE_MARK) + ONCE_MARK.length);
}

/** The path of the step that a `once` (or the like) was recorded in. */
export function pathOfOnce(path: string): string {
  const mark = path.indexOf(ONCE_MARK);
  return mark < 0 ? path : path.slice(0, mark);
}
