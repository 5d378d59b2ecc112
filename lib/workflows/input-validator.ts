import type { ClassConstructor } from 'class-transformer';
import type { ValidationError } from 'class-validator';
import { isPlainData } from '../core/codec/codec.js';
import { ConfigurationError, InvalidInputError, type Violation } from '../core/errors/errors.js';
import { isMissingModule } from '../core/missing-module.js';
import { define } from '../core/run/run-state.js';
import { read, textOf } from '../core/text-of.js';
import { type TypeMetadata, typeMetadata, type TypeStorage } from './type-metadata.js';

/** Throws InvalidInputError. `given`: what the caller has passed, where the input is what became of it in the database. */
export type InputCheck = (input: unknown, given?: unknown) => Promise<void>;

/**
 * The check of a workflow's input against its class-validator class. The input itself stays as it is: neither transformed
 * nor stripped of other keys.
 *
 * An instance of the class (what `ValidationPipe({ transform: true })` gives) is checked as it is. Of a plain object nobody
 * knows whether its `@Transform()`s were applied before: it is right when it is so with them or without. The values of
 * `@Type()` are made instances either way.
 *
 * Loads `class-validator` and `class-transformer`, which only apps with `@Workflow({ input })` need.
 * @throws ConfigurationError when one of them is not installed
 */
export async function inputValidator(type: Function, workflow: string): Promise<InputCheck> {
  const [{ validate }, { plainToInstance }, types] = await Promise.all([
    load('class-validator', () => import('class-validator'), workflow),
    load('class-transformer', () => import('class-transformer'), workflow),
    typeMetadata(),
  ]);
  const what = `The input of workflow "${workflow}"`;
  const violations = async (instance: object): Promise<Violation[]> => {
    // By default a class without any decorator refuses everything; here it is a type without rules.
    return violationsOf(await validate(instance, { forbidUnknownValues: false }), '');
  };
  const transformed = async (input: unknown): Promise<Violation[]> => {
    let instance: object;
    try {
      instance = plainToInstance(type as ClassConstructor<object>, input as object);
    } catch (error) {
      // A @Transform() of the class that does not take this input.
      return [{ path: '', message: textOf(error) }];
    }
    return violations(instance);
  };
  return async (input, given = input) => {
    const found = isInstance(given, type) ? await violations(given) : await transformed(input);
    if (found.length === 0) return;
    if (!isInstance(given, type) && isPlainData(input)) {
      if ((await violations(instanceOf(type, input, types))).length === 0) return;
    }
    throw new InvalidInputError(what, found);
  };
}

function isInstance(value: unknown, type: Function): value is object {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** An instance with the fields as they are, those of `@Type()` instances too. */
function instanceOf(type: Function, plain: object, types: TypeStorage | null): object {
  const instance = Object.create(type.prototype as object) as Record<string, unknown>;
  for (const [property, value] of Object.entries(plain)) {
    const metadata = types?.findTypeMetadata(type, property);
    const made = (one: unknown): unknown => {
      const nested = metadata === undefined ? null : nestedType(metadata, one, plain, property);
      return nested !== null && isPlainData(one) ? instanceOf(nested, one, types) : one;
    };
    define(instance, property, Array.isArray(value) ? value.map(made) : made(value));
  }
  return instance;
}

function nestedType(
  { typeFunction, options }: TypeMetadata,
  value: unknown,
  object: object,
  property: string,
): Function | null {
  const { discriminator } = options ?? {};
  const name = discriminator === undefined ? undefined : read(value, discriminator.property);
  const sub = discriminator?.subTypes.find((one) => one.name === name)?.value;
  const type = sub ?? typeFunction({ newObject: {}, object, property });
  return typeof type === 'function' ? type : null;
}

async function load<M>(name: string, importModule: () => Promise<M>, workflow: string): Promise<M> {
  try {
    return await importModule();
  } catch (cause) {
    if (!isMissingModule(cause)) throw cause;
    const message = `workflow "${workflow}" checks its input with a class, which needs ${name}: npm install ${name}`;
    throw new ConfigurationError([{ path: 'input', message }], { cause });
  }
}

/** Every violation with its path, those of nested objects and lists too. */
function violationsOf(errors: readonly ValidationError[], parent: string): Violation[] {
  return errors.flatMap((error) => {
    const path = join(parent, error.property);
    const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
    return [...own, ...violationsOf(error.children ?? [], path)];
  });
}

function join(parent: string, key: string): string {
  if (/^\d+$/.test(key)) return `${parent}[${key}]`;
  return parent === '' ? key : `${parent}.${key}`;
}
