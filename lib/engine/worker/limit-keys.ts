import { createHash } from 'node:crypto';
import { decode } from '../../core/codec/codec.js';
import { describe } from '../../core/describe.js';
import { InvalidInputError } from '../../core/errors/errors.js';
import { textOf } from '../../core/text-of.js';
import type { RegisteredWorkflow } from '../ports/registry.js';

/** Longer keys are stored as a digest: an index takes no more than 2 700 bytes. */
const LONGEST = 200;
/** Types of keys: two values of these differ in their text. */
const KEYS: readonly string[] = ['string', 'number', 'bigint', 'boolean'];

/**
 * Key under which runs of a workflow with a concurrency limit count: its name, a line feed (which no name holds), and the
 * value of its `concurrency.key` for the input.
 * @throws InvalidInputError where that value is no key
 */
export function limitKeyOf({ definition, concurrencyKey }: LimitedWorkflow, input: unknown): string {
  const { name } = definition;
  if (concurrencyKey === null) return `${name}\n`;
  let key: unknown;
  try {
    key = concurrencyKey(input);
  } catch (cause) {
    const message = textOf(cause);
    throw refused(name, `concurrency.key cannot take it: ${message}`);
  }
  if (!KEYS.includes(typeof key)) {
    throw refused(
      name,
      `concurrency.key gives ${describe(key)} for it, expected a string, a number, a bigint or a boolean`,
    );
  }
  const text = String(key);
  // Text that PostgreSQL cannot hold goes by its digest too. The sign keeps digests and keys that look like one apart.
  const plain = text.length <= LONGEST && !/[\0\p{Cs}]/u.test(text);
  return plain ? `${name}\n=${text}` : `${name}\n#${digest(text)}`;
}

/** The part of a registered workflow that its keys depend on. */
export type LimitedWorkflow = Pick<RegisteredWorkflow, 'definition' | 'concurrencyKey'>;

/** The same for an input as it is stored. @throws InvalidInputError */
export function limitKeyOfStored(workflow: LimitedWorkflow, input: string): string {
  return limitKeyOf(workflow, decode(input));
}

/** The workflow that a key belongs to. */
export function workflowOfKey(limitKey: string): string {
  return limitKey.slice(0, limitKey.indexOf('\n'));
}

function refused(workflow: string, message: string): InvalidInputError {
  return new InvalidInputError(`The input of workflow "${workflow}"`, [{ path: '', message }]);
}

function digest(text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('hex');
}
