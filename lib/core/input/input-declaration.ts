import { describe } from '../describe.js';
import { didYouMean } from '../did-you-mean.js';
import type { Violation } from '../errors/durable-error.js';
import { INPUT_FIELD_TYPES, INPUT_TYPES, type InputType } from '../run/wait-spec.js';

/** Keys that a field and a choice may have: a misspelt `required` must not be passed over. */
const FIELD_KEYS = ['name', 'type', 'label', 'required', 'options'];
const CHOICE_KEYS = ['value', 'label'];

/** Collects what is wrong, each under its path. */
class Report {
  readonly violations: Violation[] = [];

  add(path: string, message: string): void {
    this.violations.push({ path, message });
  }

  expected(path: string, rule: string, got: unknown): void {
    this.add(path, `expected ${rule}, got ${describe(got)}`);
  }
}

/**
 * Violations in the declaration of an input, as the step gave it: `{ type, fields, choices }`; empty: none.
 * A form has fields, a choice has choices, and nothing else has either.
 */
export function checkDeclaration(declaration: {
  readonly type?: unknown;
  readonly fields?: unknown;
  readonly choices?: unknown;
}): Violation[] {
  const { type, fields, choices } = declaration;
  const report = new Report();
  const known = type === undefined || type === null ? null : INPUT_TYPES.find((one) => one === type);
  if (known === undefined) {
    const hint = typeof type === 'string' ? didYouMean(type, INPUT_TYPES) : '';
    report.add('type', `expected one of ${INPUT_TYPES.join(', ')}, or none, got ${describe(type)}.${hint}`);
    return report.violations;
  }
  if (known === 'form') checkFields(report, fields);
  else refuse(report, 'fields', fields, known, `type: 'form'`);
  const chosen = known === 'single_choice' || known === 'multi_choice';
  if (chosen) checkOptions(report, 'choices', choices, false);
  else refuse(report, 'choices', choices, known, `type: 'single_choice' or 'multi_choice'`);
  return report.violations;
}

function refuse(report: Report, key: string, value: unknown, type: InputType | null, mend: string): void {
  if (value === undefined || value === null) return;
  report.add(
    key,
    `${type === null ? 'an input without a type' : `an input of type '${type}'`} has no ${key}: use ${mend}`,
  );
}

function checkFields(report: Report, fields: unknown): void {
  if (!Array.isArray(fields) || fields.length === 0) return report.expected('fields', 'at least one field', fields);
  const names = new Set<unknown>();
  fields.forEach((field: unknown, at) => {
    const path = `fields[${at}]`;
    if (!isRecord(field)) return report.expected(path, 'a field { name, type }', field);
    const { name, type, label, required, options } = field;
    if (typeof name !== 'string' || name === '') report.expected(`${path}.name`, 'a string that is not empty', name);
    else if (names.has(name)) report.add(`${path}.name`, `there is another field "${name}": names must differ`);
    names.add(name);
    if (!INPUT_FIELD_TYPES.some((one) => one === type)) {
      const hint = typeof type === 'string' ? didYouMean(type, INPUT_FIELD_TYPES) : '';
      report.add(`${path}.type`, `expected one of ${INPUT_FIELD_TYPES.join(', ')}, got ${describe(type)}.${hint}`);
    } else if (type === 'select') {
      checkOptions(report, `${path}.options`, options, true);
    } else if (options !== undefined) {
      report.add(`${path}.options`, `a field of type '${String(type)}' has no options: use type: 'select'`);
    }
    checkLabel(report, path, label);
    if (required !== undefined && typeof required !== 'boolean') {
      report.expected(`${path}.required`, 'true or false', required);
    }
    refuseOthers(report, path, field, FIELD_KEYS);
  });
}

/** Choices of an input, or the options of a field, which may also be bare values. */
function checkOptions(report: Report, path: string, options: unknown, bare: boolean): void {
  const rule = bare ? 'at least one value or { value, label }' : 'at least one { value, label }';
  if (!Array.isArray(options) || options.length === 0) return report.expected(path, rule, options);
  const values = new Set<unknown>();
  options.forEach((option: unknown, index) => {
    const at = `${path}[${index}]`;
    if (bare && isValue(option)) return addValue(report, at, values, option);
    if (!isRecord(option))
      return report.expected(at, bare ? 'a value or { value, label }' : '{ value, label }', option);
    addValue(report, `${at}.value`, values, option['value']);
    checkLabel(report, at, option['label']);
    refuseOthers(report, at, option, CHOICE_KEYS);
  });
}

function addValue(report: Report, path: string, values: Set<unknown>, value: unknown): void {
  if (!isValue(value)) report.expected(path, 'a string, a finite number, true or false', value);
  else if (values.has(value)) report.add(path, `${describe(value)} is there twice: values must differ`);
  values.add(value);
}

function checkLabel(report: Report, path: string, label: unknown): void {
  if (label !== undefined && typeof label !== 'string') report.expected(`${path}.label`, 'a string', label);
}

function refuseOthers(report: Report, path: string, object: Record<string, unknown>, known: readonly string[]): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key) || object[key] === undefined) continue;
    report.add(`${path}.${key}`, `is not known here.${didYouMean(key, known)} Known: ${known.join(', ')}`);
  }
}

function isValue(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
