import { describe } from '../describe.js';
import type { Violation } from '../errors/durable-error.js';
import { isUuid } from '../uuid.js';

/** Most violations that are reported of a value. */
const MOST = 100;

type Schema = Readonly<Record<string, unknown>>;

/**
 * Violations of a JSON Schema by a value, with paths such as `items[0].sku`: of what `@Workflow({ input })` is stored as, which
 * is types, required properties, enums, bounds, lengths, patterns, dates and uuids, nested. Other keywords are passed over, and so
 * is all of a property with `x-unchecked`. A property that is not required may be null too, as with `@IsOptional()`.
 */
export function schemaViolations(schema: unknown, value: unknown): Violation[] {
  const found: Violation[] = [];
  if (isObject(schema)) look(schema, value, '', found);
  return found.slice(0, MOST);
}

function look(schema: Schema, value: unknown, path: string, found: Violation[]): void {
  if (found.length >= MOST) return;
  const { type } = schema;
  if (typeof type === 'string' && !isOf(type, value, schema)) {
    found.push({ path, message: `expected ${NAMES[type] ?? type}, got ${describe(value)}` });
    return;
  }
  const options = schema['enum'];
  if (Array.isArray(options) && !options.some((one) => Object.is(one, value))) {
    found.push({ path, message: `expected one of ${options.map(String).join(', ')}, got ${describe(value)}` });
    return;
  }
  const fault =
    typeof value === 'number'
      ? ofNumber(schema, value)
      : typeof value === 'string'
        ? ofText(schema, value)
        : Array.isArray(value)
          ? ofSize(schema, value.length, ['minItems', 'maxItems'], 'items')
          : null;
  if (fault !== null) found.push({ path, message: fault });
  const { items } = schema;
  if (Array.isArray(value) && isObject(items)) {
    for (const [at, one] of value.entries()) look(items, one, `${path}[${at}]`, found);
  } else if (isObject(value)) properties(schema, value, path, found);
}

function properties(schema: Schema, value: Schema, path: string, found: Violation[]): void {
  const all = isObject(schema['properties']) ? schema['properties'] : {};
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  for (const [key, inner] of Object.entries(all)) {
    const at = path === '' ? key : `${path}.${key}`;
    const given = Object.hasOwn(value, key) ? value[key] : undefined;
    if (given === undefined || (given === null && !required.includes(key))) {
      if (required.includes(key)) found.push({ path: at, message: 'is missing' });
    } else if (isObject(inner) && inner['x-unchecked'] !== true) look(inner, given, at, found);
  }
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function isOf(type: string, value: unknown, { format }: Schema): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string' || (format === 'date-time' && value instanceof Date);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'integer':
      return Number.isInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return true;
  }
}

function ofNumber(
  { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below }: Schema,
  value: number,
): string | null {
  if (typeof minimum === 'number' && value < minimum) return `expected at least ${minimum}, got ${value}`;
  if (typeof maximum === 'number' && value > maximum) return `expected at most ${maximum}, got ${value}`;
  if (typeof above === 'number' && value <= above) return `expected more than ${above}, got ${value}`;
  if (typeof below === 'number' && value >= below) return `expected less than ${below}, got ${value}`;
  return null;
}

function ofText(schema: Schema, value: string): string | null {
  const { pattern, format } = schema;
  if (format === 'date-time' && Number.isNaN(Date.parse(value))) return `expected a date, got ${describe(value)}`;
  if (format === 'uuid' && !isUuid(value)) return `expected a UUID, got ${describe(value)}`;
  // It comes from the workflow's own class.
  if (typeof pattern === 'string' && !new RegExp(pattern).test(value)) {
    return `expected a text that fits ${pattern}, got ${describe(value)}`;
  }
  return ofSize(schema, lengthOf(value), ['minLength', 'maxLength'], 'characters');
}

/** As class-validator counts: an emoji is one character, however it is written. */
function lengthOf(text: string): number {
  return Array.from(text.replaceAll(/[\uFE0E\uFE0F]/g, '')).length;
}

function ofSize(schema: Schema, size: number, [least, most]: readonly [string, string], unit: string): string | null {
  const [min, max] = [schema[least], schema[most]];
  if (typeof min === 'number' && size < min) return `expected at least ${min} ${unit}, got ${size}`;
  return typeof max === 'number' && size > max ? `expected at most ${max} ${unit}, got ${size}` : null;
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
