import 'reflect-metadata';
import { read } from '../core/text-of.js';
import { type TypeStorage, typeMetadata } from './type-metadata.js';

/** JSON Schema, 2020-12. */
export interface JsonSchema {
  /** Only for the form: the class converts the value, or checks it only where something else is so. */
  'x-unchecked'?: true;
  $schema?: string;
  type?: string;
  format?: string;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** A decorator as class-validator stores it. */
interface Rule {
  readonly type: string;
  readonly name?: string;
  readonly propertyName: string;
  readonly each?: boolean;
  readonly constraints?: readonly unknown[];
}

interface Rules {
  getTargetValidationMetadatas(type: Function, schema: string, always: boolean, strict: boolean): Rule[];
}

/** Classes below each other. */
const DEEPEST = 8;

/**
 * JSON Schema of an input class, from its decorators: types, required fields, enums, bounds, lengths, formats, nested
 * classes, lists. For forms that people fill in; the class itself does the checking. Null: class-validator cannot be read.
 */
export async function inputSchema(type: Function): Promise<JsonSchema | null> {
  const validator: unknown = await import('class-validator').catch(() => null);
  const storage: unknown = (read(validator, 'getMetadataStorage') as (() => unknown) | undefined)?.();
  if (typeof read(storage, 'getTargetValidationMetadatas') !== 'function') return null;
  try {
    const types = await typeMetadata();
    const schema = objectOf(type, { rules: storage as Rules, types, depth: 0 });
    return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema };
  } catch {
    // Of a version that keeps it in another way.
    return null;
  }
}

interface Reader {
  readonly rules: Rules;
  readonly types: TypeStorage | null;
  readonly depth: number;
}

function objectOf(type: Function, reader: Reader): JsonSchema {
  if (reader.depth >= DEEPEST) return { type: 'object' };
  const byProperty = new Map<string, Rule[]>();
  for (const rule of reader.rules.getTargetValidationMetadatas(type, '', false, false)) {
    byProperty.set(rule.propertyName, [...(byProperty.get(rule.propertyName) ?? []), rule]);
  }
  const properties: [string, JsonSchema][] = [];
  const required: string[] = [];
  for (const [property, rules] of byProperty) {
    properties.push([property, propertyOf(type, property, rules, reader)]);
    if (isRequired(rules)) required.push(property);
  }
  return { type: 'object', properties: Object.fromEntries(properties), required };
}

/** Rules that nothing at all passes too. */
const FITS_NOTHING = new Set(['isEmpty', 'notEquals', 'isNotIn']);

/** `@ValidateNested()` and `@Allow()` alone let a property be missing. */
function isRequired(rules: readonly Rule[]): boolean {
  if (rules.some(({ type }) => type === 'conditionalValidation')) return false;
  return rules.some(({ type, name = '' }) => type === 'customValidation' && !FITS_NOTHING.has(name));
}

/** `@Transform()`, `@Type(() => Number)`, `@ValidateIf()`. */
function isUnchecked(type: Function, property: string, rules: readonly Rule[], types: TypeStorage | null): boolean {
  if (rules.some((rule) => rule.type === 'conditionalValidation' && rule.name !== 'isOptional')) return true;
  const made: unknown = types?.findTypeMetadata(type, property)?.typeFunction({ newObject: {}, object: {}, property });
  if (PRIMITIVES.has(made)) return true;
  const transforms = types?.findTransformMetadatas?.(type, property, PLAIN_TO_CLASS) ?? [];
  return transforms.length > 0;
}

const PRIMITIVES: ReadonlySet<unknown> = new Set([String, Number, Boolean]);
/** `TransformationType` of class-transformer. */
const PLAIN_TO_CLASS = 0;

function propertyOf(type: Function, property: string, rules: readonly Rule[], reader: Reader): JsonSchema {
  const declared: unknown = Reflect.getMetadata('design:type', type.prototype as object, property);
  const isList = declared === Array || rules.some((rule) => rule.name === 'isArray' || rule.each === true);
  const schema: JsonSchema = isList ? { type: 'array' } : typeOf(declared);
  const items: JsonSchema = {};
  for (const rule of rules) {
    const target = isList && rule.each === true ? items : schema;
    if (rule.type === 'nestedValidation') Object.assign(isList ? items : schema, nestedOf(type, property, reader));
    else apply(rule, target);
  }
  const whole = isList ? { ...schema, items } : schema;
  return isUnchecked(type, property, rules, reader.types) ? { ...whole, 'x-unchecked': true } : whole;
}

function nestedOf(type: Function, property: string, reader: Reader): JsonSchema {
  const found = reader.types?.findTypeMetadata(type, property);
  const declared: unknown = Reflect.getMetadata('design:type', type.prototype as object, property);
  const nested = found?.typeFunction({ newObject: {}, object: {}, property }) ?? (declared === Array ? null : declared);
  return typeof nested === 'function' ? objectOf(nested, { ...reader, depth: reader.depth + 1 }) : { type: 'object' };
}

function typeOf(declared: unknown): JsonSchema {
  if (declared === String) return { type: 'string' };
  if (declared === Number) return { type: 'number' };
  if (declared === Boolean) return { type: 'boolean' };
  if (declared === Date) return { type: 'string', format: 'date-time' };
  return {};
}

const FORMATS: Readonly<Record<string, string>> = {
  isDate: 'date-time',
  isDateString: 'date-time',
  isIso8601: 'date-time',
  isEmail: 'email',
  isUrl: 'uri',
  isUuid: 'uuid',
};

function apply({ name, constraints = [] }: Rule, schema: JsonSchema): void {
  const [first, second] = constraints;
  const format = FORMATS[name ?? ''];
  if (format !== undefined) Object.assign(schema, { type: 'string', format });
  switch (name) {
    case 'isString':
      schema.type = 'string';
      return;
    case 'isNumber':
      schema.type = 'number';
      return;
    case 'isInt':
      schema.type = 'integer';
      return;
    case 'isBoolean':
      schema.type = 'boolean';
      return;
    case 'isObject':
      schema.type = 'object';
      return;
    case 'isNotEmpty':
      if (schema.type === 'string') schema.minLength ??= 1;
      return;
    case 'isIn':
      if (Array.isArray(first)) schema.enum = first;
      return;
    case 'isEnum':
      if (Array.isArray(second)) schema.enum = second;
      return;
    case 'isPositive':
      schema.exclusiveMinimum = 0;
      return;
    case 'isNegative':
      schema.exclusiveMaximum = 0;
      return;
    case 'isLength':
      bound(schema, 'minLength', first);
      bound(schema, 'maxLength', second);
      return;
    case 'matches':
      // A pattern of JSON Schema has no flags: one that is read in another way would refuse what fits.
      if (first instanceof RegExp && !/[imsuvy]/.test(first.flags)) schema.pattern = first.source;
      return;
    default:
      bound(schema, BOUNDS[name ?? ''], first);
  }
}

type Bound = 'minimum' | 'maximum' | 'minLength' | 'maxLength' | 'minItems' | 'maxItems';

const BOUNDS: Readonly<Record<string, Bound>> = {
  min: 'minimum',
  max: 'maximum',
  minLength: 'minLength',
  maxLength: 'maxLength',
  arrayMinSize: 'minItems',
  arrayMaxSize: 'maxItems',
};

function bound(schema: JsonSchema, key: Bound | undefined, value: unknown): void {
  if (key !== undefined && typeof value === 'number') schema[key] = value;
}
