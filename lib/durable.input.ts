import type { ClassConstructor } from 'class-transformer';
import type { ValidationError } from 'class-validator';
import { ConfigurationError, InvalidInputError, type Violation } from './core/errors.js';
import { textOf } from './core/text-of.js';

/**
 * The check of a workflow's input against its class-validator class, the values of `@Type()` made instances first. The
 * input itself stays as it is: neither transformed nor stripped of other keys.
 *
 * Loads `class-validator` and `class-transformer`, which only apps with `@Workflow({ input })` need.
 * @throws ConfigurationError when one of them is not installed
 */
export async function inputValidator(type: Function, workflow: string): Promise<(input: unknown) => Promise<void>> {
  const [{ validate }, { plainToInstance }] = await Promise.all([
    load('class-validator', () => import('class-validator'), workflow),
    load('class-transformer', () => import('class-transformer'), workflow),
  ]);
  const what = `The input of workflow "${workflow}"`;
  return async (input) => {
    let instance: object;
    try {
      instance = plainToInstance(type as ClassConstructor<object>, input as object);
    } catch (error) {
      // A @Transform() of the class that does not take this input.
      throw new InvalidInputError(what, [{ path: '', message: textOf(error) }]);
    }
    // By default a class without any decorator refuses everything; here it is a type without rules.
    const errors = await validate(instance, { forbidUnknownValues: false });
    if (errors.length > 0) throw new InvalidInputError(what, violationsOf(errors, ''));
  };
}

async function load<M>(name: string, importModule: () => Promise<M>, workflow: string): Promise<M> {
  try {
    return await importModule();
  } catch (cause) {
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
