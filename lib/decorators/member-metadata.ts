import 'reflect-metadata';
import { DefinitionError } from '../core/errors/errors.js';
import type {
  CompensateOptions,
  DecisionOptions,
  ForEachOptions,
  ParallelArms,
  ParallelOptions,
  Arm,
  BranchArms,
  MemberOptions,
  StepOptions,
} from './types.js';

/** A decorator's arguments for a method. */
export type MemberMetadata =
  | { readonly decorator: 'Step'; readonly options: StepOptions }
  | { readonly decorator: 'Decision'; readonly options: DecisionOptions }
  | { readonly decorator: 'Branch'; readonly options: MemberOptions; readonly arms: BranchArms }
  | { readonly decorator: 'Parallel'; readonly options: ParallelOptions; readonly arms: ParallelArms }
  | { readonly decorator: 'ForEach'; readonly options: ForEachOptions; readonly arm: Arm }
  | { readonly decorator: 'Compensate'; readonly options: CompensateOptions };

/** A method that carries at least one of our decorators. */
export interface DecoratedMember {
  readonly member: string;
  /** More than one is a fault, which the check at boot reports. */
  readonly decorators: readonly MemberMetadata[];
}

const MEMBER_KEY = 'nest-durable:member';

/**
 * A compiler without `experimentalDecorators` calls decorators as the standard has it: with a context in the place of a
 * member's name.
 * @throws DefinitionError
 */
function refuseStandard(decorator: string, second: unknown): void {
  if (typeof second !== 'object' || second === null || !('kind' in second)) return;
  const { name } = second as { readonly name?: unknown };
  throw new DefinitionError(
    `@${decorator}() on "${String(name)}" was called as a standard (TC39) decorator, which NestJS does not know. Set ` +
      '"experimentalDecorators": true and "emitDecoratorMetadata": true in the compilerOptions of tsconfig.json, and compile ' +
      'with what reads them: tsc, nest build, ts-jest or SWC.',
  );
}

/**
 * Notes what a decorator says. It stands on the prototype under the member's name and not on the function, as
 * `SetMetadata` would have it: a decorator written above ours that wraps the method puts another function in its place.
 */
export function recordMember(target: object, member: string, metadata: MemberMetadata): void {
  refuseStandard(metadata.decorator, member);
  if (typeof target === 'function') {
    throw new DefinitionError(
      `${target.name}.${member} is static: @${metadata.decorator}() goes on a method of the instance. Take "static" away.`,
    );
  }
  const before = ownMember(target, member) ?? [];
  // Decorators are applied from the method upwards; the list has them as they are written.
  Reflect.defineMetadata(MEMBER_KEY, [metadata, ...before], target, member);
}

/**
 * The decorated members of a class in the order they are written, those of its base classes first. An override stands
 * where the member it overrides stood; without a decorator of its own it keeps that of the base.
 */
export function decoratedMembers(type: Function): DecoratedMember[] {
  const members = new Map<string, readonly MemberMetadata[]>();
  for (const prototype of prototypesOf(type)) {
    for (const member of Object.getOwnPropertyNames(prototype)) {
      const decorators = ownMember(prototype, member);
      if (decorators !== undefined) {
        members.set(member, decorators);
      }
    }
  }
  return [...members].map(([member, decorators]) => ({ member, decorators }));
}

/** The names of all methods of a class and of its base classes, decorated or not. */
export function methodNames(type: Function): string[] {
  const names = new Set<string>();
  for (const prototype of prototypesOf(type)) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      // The descriptor, since reading the property would call a getter on a prototype it is not made for.
      if (name !== 'constructor' && typeof Object.getOwnPropertyDescriptor(prototype, name)?.value === 'function') {
        names.add(name);
      }
    }
  }
  return [...names];
}

function ownMember(prototype: object, member: string): readonly MemberMetadata[] | undefined {
  return Reflect.getOwnMetadata(MEMBER_KEY, prototype, member) as readonly MemberMetadata[] | undefined;
}

/** From the base down; `Object.prototype` has no members of ours. */
function prototypesOf(type: Function): object[] {
  const prototypes: object[] = [];
  let prototype: unknown = type.prototype;
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    prototypes.unshift(prototype);
    prototype = Object.getPrototypeOf(prototype);
  }
  return prototypes;
}
