import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { definitionHash } from '../core/definition/definition-hash.js';
import { listViolations, type Violation } from '../core/errors/durable-error.js';
import { DefinitionError } from '../core/errors/errors.js';
import { decoratedMembers } from '../decorators/member-metadata.js';
import type { ScheduleDeclaration } from '../core/time/schedule.js';
import { workflowSchedules } from '../decorators/schedule.decorator.js';
import { workflowOptions } from '../decorators/workflow-options.js';
import { className, compileWorkflow, type CompiledWorkflow, workflowNameOf } from './compiler.js';
import { readDecorator } from '../options/schedules.js';

type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A workflow class with the instance that runs its methods. */
export interface WorkflowBinding extends CompiledWorkflow {
  readonly hash: string;
  readonly className: string;
  readonly type: Function;
  readonly instance: object;
  readonly schedules: readonly ScheduleDeclaration[];
}

/**
 * Finds the workflow classes among the app's providers, compiles and checks them. Everything that is wrong with any of
 * them stops the boot in one `DefinitionError`.
 *
 * It looks at all providers and not only at those the discovery service has under the decorator's key: steps on a
 * class whose `@Workflow()` was forgotten, on a subclass for example, would otherwise be passed over in silence.
 */
@Injectable()
export class DurableExplorer {
  constructor(private readonly discovery: DiscoveryService) {}

  /** The workflows of the module instance `instanceName`, by name. To be called once all providers are made. */
  explore(instanceName: string): WorkflowBinding[] {
    const faults: Violation[] = [];
    const bindings: WorkflowBinding[] = [];
    for (const [type, wrappers] of this.classes()) {
      const options = workflowOptions(type);
      if (options === null) {
        faults.push(...withoutWorkflow(type));
      } else if ((options.instance ?? 'default') === instanceName) {
        const { compiled, faults: found } = compileWorkflow(type, options);
        const { schedules, faults: wrongSchedules } = readSchedules(type, compiled?.definition.name ?? '');
        const wrong = [
          ...wronglyProvided(type, wrappers),
          ...withoutTypes(type, wrappers),
          ...(found ?? []),
          ...wrongSchedules,
        ];
        faults.push(...wrong);
        const instance: unknown = wrappers[0]?.instance;
        if (compiled !== undefined && wrong.length === 0 && typeof instance === 'object' && instance !== null) {
          bindings.push({
            ...compiled,
            hash: definitionHash(compiled.definition),
            className: className(type),
            type,
            instance,
            schedules,
          });
        }
      }
    }
    faults.push(...sharedNames(bindings), ...sharedScheduleNames(bindings));
    if (faults.length > 0) {
      throw new DefinitionError(`The workflows cannot run as they are written:${listViolations(faults)}`);
    }
    return bindings.sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  /** True when a class that is provided now is the workflow of that name, of the module instance `instanceName`. */
  provides(instanceName: string, name: string): boolean {
    for (const type of this.classes().keys()) {
      const options = workflowOptions(type);
      if ((options?.instance ?? 'default') === instanceName && workflowNameOf(type) === name) return true;
    }
    return false;
  }

  /** Every provided class with its providers. */
  private classes(): Map<Function, ProviderWrapper[]> {
    const classes = new Map<Function, ProviderWrapper[]>();
    for (const wrapper of this.discovery.getProviders()) {
      const type = providedClass(wrapper);
      if (type !== null) {
        classes.set(type, [...(classes.get(type) ?? []), wrapper]);
      }
    }
    return classes;
  }
}

/** The class that a provider gives an instance of, or `null`: an alias, a plain value. */
function providedClass(wrapper: ProviderWrapper): Function | null {
  if (wrapper.isAlias) {
    return null;
  }
  // With `inject` the metatype is the factory function; values have none. What they gave is asked instead.
  if (isMadeByNest(wrapper)) {
    return wrapper.metatype as Function;
  }
  if (!isSingleton(wrapper)) {
    // Its factory has made nothing yet; the token says what it will make, if that is a class.
    return typeof wrapper.token === 'function' ? wrapper.token : null;
  }
  const instance: unknown = wrapper.instance;
  if (typeof instance !== 'object' || instance === null) {
    return null;
  }
  const prototype: unknown = Object.getPrototypeOf(instance);
  const maker: unknown = typeof prototype === 'object' && prototype !== null ? prototype.constructor : null;
  return typeof maker === 'function' ? maker : null;
}

function isMadeByNest(wrapper: ProviderWrapper): boolean {
  return typeof wrapper.metatype === 'function' && !wrapper.inject;
}

function isSingleton(wrapper: ProviderWrapper): boolean {
  return !wrapper.isTransient && wrapper.isDependencyTreeStatic();
}

/** Members on a class that is no workflow never run: almost always a forgotten `@Workflow()`. */
function withoutWorkflow(type: Function): Violation[] {
  const [first] = decoratedMembers(type);
  const decorator = first?.decorators[0]?.decorator;
  if (first === undefined || decorator === undefined) {
    return [];
  }
  const message =
    `it has @${decorator}() on "${first.member}" but no @Workflow(): add @Workflow() to the class ` +
    '(a subclass does not inherit it), or take the class out of the providers';
  return [{ path: className(type), message }];
}

function wronglyProvided(type: Function, wrappers: readonly ProviderWrapper[]): Violation[] {
  const path = className(type);
  const faults: Violation[] = [];
  if (wrappers.length > 1) {
    const modules = wrappers.map((wrapper) => wrapper.host?.name ?? 'an unknown module').join(' and ');
    const message =
      `it is provided ${wrappers.length} times (in ${modules}), so there are as many instances of it: ` +
      'provide it in one module, and export it there if others need it';
    faults.push({ path, message });
  }
  if (!wrappers.every(isSingleton)) {
    const message =
      'it is request-scoped or transient, itself or by something it injects, and a run has no request: ' +
      'make it and what it injects singletons, or get such a provider in the step with ModuleRef';
    faults.push({ path, message });
  }
  return faults;
}

/** Nest's metadata keys for a constructor's parameters: emitted by the compiler, and of `@Inject()`. */
const EMITTED = 'design:paramtypes';
const INJECTED = 'self:paramtypes';

/** Nest calls a constructor of which it knows nothing without arguments: each step would find `undefined`. */
function withoutTypes(type: Function, wrappers: readonly ProviderWrapper[]): Violation[] {
  // What a factory makes, or somebody gives as a value, has got what it needs.
  if (type.length === 0 || !wrappers.every(isMadeByNest)) return [];
  if (Reflect.hasMetadata(EMITTED, type)) return [];
  const injected = (Reflect.getMetadata(INJECTED, type) as readonly unknown[] | undefined) ?? [];
  if (injected.length >= type.length) return [];
  const message =
    `nothing is known of what its constructor takes, so that it would get undefined: set ` +
    '"emitDecoratorMetadata": true in the compilerOptions of tsconfig.json and compile with tsc, nest build, ts-jest or SWC ' +
    '(tsx and esbuild emit no types), or put an @Inject() before each';
  return [{ path: className(type), message }];
}

function sharedNames(bindings: readonly WorkflowBinding[]): Violation[] {
  const first = new Map<string, WorkflowBinding>();
  return bindings.flatMap((binding) => {
    const { name } = binding.definition;
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, binding);
      return [];
    }
    const message = `its name "${name}" is that of ${other.className} too: set \`name\` in one of the two @Workflow()s`;
    return [{ path: binding.className, message }];
  });
}

/** Declarations of a class's `@Schedule()`s. Their path has their number where there are several. */
function readSchedules(
  type: Function,
  workflow: string,
): { schedules: ScheduleDeclaration[]; faults: readonly Violation[] } {
  const all = workflowSchedules(type);
  const read = all.map((options, index) => {
    const path = `${className(type)} @Schedule()${all.length > 1 ? ` ${index + 1}` : ''}`;
    return readDecorator(path, options, workflow);
  });
  return {
    schedules: read.flatMap(({ declaration }) => (declaration === null ? [] : [declaration])),
    faults: read.flatMap(({ faults }) => faults),
  };
}

function sharedScheduleNames(bindings: readonly WorkflowBinding[]): Violation[] {
  const first = new Map<string, WorkflowBinding>();
  return bindings.flatMap((binding) =>
    binding.schedules.flatMap(({ name }) => {
      const other = first.get(name);
      first.set(name, other ?? binding);
      if (other === undefined) return [];
      const owner = other === binding ? 'another @Schedule() of this class' : `a @Schedule() of ${other.className}`;
      const message = `the name "${name}" is that of ${owner} too: set \`name\` in one of the two`;
      return [{ path: `${binding.className} @Schedule()`, message }];
    }),
  );
}
