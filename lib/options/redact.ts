import { parsePath } from '../core/redact/redact-path.js';
import { compileRedaction, NO_REDACTION, type Redaction } from '../core/redact/redact.js';
import { type Faults, given, type OptionReader } from '../core/option-reader.js';

const MOST_PATHS = 1_000;
const LONGEST_PATH = 256;
const RULE = "expected a path such as 'card.number', 'items[*].iban' or '**.secret'";

export function readRedact(read: OptionReader, faults: Faults): Redaction {
  const paths = read.take('redact');
  if (paths === undefined) return NO_REDACTION;
  if (!Array.isArray(paths) || paths.length > MOST_PATHS) {
    read.fault('redact', `expected an array of up to ${MOST_PATHS} paths, got ${given(paths)}`);
    return NO_REDACTION;
  }
  const good: string[] = [];
  for (const [at, path] of (paths as unknown[]).entries()) {
    const problem = problemOf(path);
    if (problem === null) good.push(path as string);
    else faults.add(`redact[${at}]`, problem);
  }
  return compileRedaction(good);
}

function problemOf(path: unknown): string | null {
  if (typeof path !== 'string' || path === '') return `${RULE}, got ${given(path)}`;
  if (path.length > LONGEST_PATH) return `${RULE} of up to ${LONGEST_PATH} characters, got one of ${path.length}`;
  const parsed = parsePath(path);
  return parsed.ok ? null : `${RULE}, got ${given(path)}: ${parsed.problem}`;
}
