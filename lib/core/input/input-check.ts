import { describe } from '../describe.js';
import type { Violation } from '../errors/durable-error.js';
import { parseIsoDate } from '../codec/iso-date.js';
import type { InputChoice, InputDeclaration, InputField, InputOption } from '../run/wait-spec.js';

export { checkDeclaration } from './input-declaration.js';

/** Result of a check: the answer as it is stored, or its violations. */
export type CheckedAnswer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly violations: readonly Violation[] };

/** Values that a message names. */
const NAMED = 20;

/**
 * Checks what was provided for an input against its declaration. The value that is stored is what was provided, with
 * ISO strings in `date` fields made into Dates. Paths of violations: a field's name, `[2]` for an item of a list.
 *
 * @param shown the answer as messages may quote it
 */
export function checkAnswer(declaration: InputDeclaration, answer: unknown, shown = answer): CheckedAnswer {
  const { type, fields = [], choices = [] } = declaration;
  switch (type) {
    case null:
      return { ok: true, value: answer };
    case 'approval':
      return normaliseApproval(answer) === null
        ? refused('', `expected true, false, 'approved', 'rejected' or { approved: true or false }`, shown)
        : { ok: true, value: answer };
    case 'free_text':
      return typeof answer === 'string' ? { ok: true, value: answer } : refused('', 'expected a string', shown);
    case 'single_choice':
      return valuesOf(choices).includes(answer)
        ? { ok: true, value: answer }
        : refused('', `expected ${oneOf(choices)}`, shown);
    case 'multi_choice':
      return checkChoices(choices, answer, shown);
    case 'form':
      return checkForm(fields, answer, shown);
  }
}

/** The verdict in an answer to an approval; null: it has none. */
export function normaliseApproval(answer: unknown): 'approved' | 'rejected' | null {
  const said = isRecord(answer) && Object.hasOwn(answer, 'approved') ? answer['approved'] : answer;
  if (said === true) return 'approved';
  if (said === false) return 'rejected';
  // `{ approved: 'rejected' }` would read both ways.
  return said === answer && (said === 'approved' || said === 'rejected') ? said : null;
}

function checkChoices(choices: readonly InputChoice[], answer: unknown, shown: unknown): CheckedAnswer {
  const rule = `expected a list of different values, each ${oneOf(choices)}`;
  if (!Array.isArray(answer)) return refused('', rule, shown);
  const allowed = valuesOf(choices);
  const violations = answer.flatMap((one: unknown, at) => {
    const quoted: unknown = Array.isArray(shown) ? shown[at] : shown;
    if (!allowed.includes(one)) return [violation(`[${at}]`, `expected ${oneOf(choices)}`, quoted)];
    return answer.indexOf(one) < at ? [{ path: `[${at}]`, message: `${describe(quoted)} was chosen before` }] : [];
  });
  return violations.length > 0 ? { ok: false, violations } : { ok: true, value: answer };
}

function checkForm(fields: readonly InputField[], answer: unknown, shown: unknown): CheckedAnswer {
  const names = fields.map((field) => field.name);
  if (!isRecord(answer)) return refused('', `expected an object with the fields ${names.join(', ')}`, shown);
  const given = new Map(Object.entries(answer));
  const violations: Violation[] = [];
  for (const field of fields) {
    const { name } = field;
    const quoted = !isRecord(shown) ? shown : Object.hasOwn(shown, name) ? shown[name] : undefined;
    const checked = checkField(field, given.get(name), quoted);
    if (!checked.ok) violations.push(...checked.violations);
    else if (given.has(name)) given.set(name, checked.value);
  }
  for (const name of given.keys()) {
    if (names.includes(name)) continue;
    violations.push({ path: name, message: `is not a field of this form. Its fields: ${names.join(', ')}` });
  }
  return violations.length > 0 ? { ok: false, violations } : { ok: true, value: Object.fromEntries(given) };
}

function checkField(field: InputField, value: unknown, shown: unknown): CheckedAnswer {
  const { name, type, required = false, options = [] } = field;
  const missing = value === undefined || value === null;
  // A required text that is empty says nothing.
  if (required && (missing || value === ''))
    return refused(name, `is required: expected ${RULES[type](options)}`, shown);
  if (missing) return { ok: true, value };
  if (type === 'date') {
    const date = typeof value === 'string' ? parseIsoDate(value) : value;
    return isValidDate(date) ? { ok: true, value: date } : refused(name, `expected ${RULES.date(options)}`, shown);
  }
  return fits(type, options, value) ? { ok: true, value } : refused(name, `expected ${RULES[type](options)}`, shown);
}

const RULES: Record<InputField['type'], (options: readonly InputOption[]) => string> = {
  text: () => 'a string',
  number: () => 'a finite number',
  boolean: () => 'true or false',
  date: () => 'a Date, or an ISO string such as "2026-01-31" or "2026-01-31T09:00:00Z"',
  select: oneOf,
};

function fits(
  type: 'text' | 'number' | 'boolean' | 'select',
  options: readonly InputOption[],
  value: unknown,
): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'select':
      return valuesOf(options).includes(value);
  }
}

/** The values that may be chosen. */
function valuesOf(options: readonly InputOption[]): unknown[] {
  return options.map((option) => (typeof option === 'object' ? option.value : option));
}

function oneOf(options: readonly InputOption[]): string {
  const values = valuesOf(options).map((value) => JSON.stringify(value));
  const more = values.length > NAMED ? ` (and ${values.length - NAMED} more)` : '';
  return `one of ${values.slice(0, NAMED).join(', ')}${more}`;
}

function isValidDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  // A Map or a Date has no fields of its own: it would pass for an empty form.
  return Object.prototype.toString.call(value) === '[object Object]';
}

function violation(path: string, rule: string, got: unknown): Violation {
  return { path, message: `${rule}, got ${describe(got)}` };
}

function refused(path: string, rule: string, got: unknown): CheckedAnswer {
  return { ok: false, violations: [violation(path, rule, got)] };
}
