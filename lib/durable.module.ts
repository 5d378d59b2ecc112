import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigurationError } from './core/errors/errors.js';
import { ConfigurableModuleClass } from './durable.module-definition.js';
import type { ASYNC_OPTIONS_TYPE } from './durable.module-definition.js';
import type { DurableModuleOptions } from './options/module.js';
import { read } from './core/text-of.js';
import { Faults, given, isObject, OptionReader } from './core/option-reader.js';

/** Marks the class for other copies of the package in this process. */
const MODULE: unique symbol = Symbol.for('nest-durable.module');

/** `forRootAsync()`: the options from a provider, with `name` and `isGlobal` beside it. */
export type DurableModuleAsyncOptions = typeof ASYNC_OPTIONS_TYPE;

/**
 * Module of durable workflows. Import it once for each instance, in the root module. While the app starts, its options
 * are checked, the database is connected and migrated, and the workflows are collected; a fault stops the start.
 */
@Module({})
export class DurableModule extends ConfigurableModuleClass {
  /** @internal */
  static readonly [MODULE] = true;

  /** Makes the module with options that are known now; all have defaults. @throws ConfigurationError at boot */
  static override forRoot(options: DurableModuleOptions = {}): DynamicModule {
    if (!isObject(options)) {
      throw new ConfigurationError([{ path: '', message: `expected an object with options, got ${given(options)}` }]);
    }
    return super.forRoot(options);
  }

  /**
   * Makes the module with options from `useFactory`, or from the `create()` of `useClass` or `useExisting`.
   * @throws ConfigurationError at once where none or several of these are given; at boot for the options
   */
  static override forRootAsync(options: DurableModuleAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }
}

/** True for a DurableModule, of another copy of this package too. */
export function isDurableModule(module: unknown): boolean {
  return read(module, MODULE) === true;
}

const SOURCES = ['useFactory', 'useClass', 'useExisting'];
const BESIDE = ['name', 'isGlobal', 'imports', 'inject', 'provideInjectionTokensFrom'];

/** Nest would take `nmae` in silence, and say of no factory at all that it cannot resolve `undefined`. */
function checkAsyncOptions(options: unknown): void {
  const faults = new Faults();
  const reader = OptionReader.of(faults, '', options);
  if (reader !== null) {
    for (const key of [...SOURCES, ...BESIDE]) reader.take(key);
    const sources = SOURCES.filter((key) => reader.keys().includes(key));
    if (sources.length !== 1) {
      const got = sources.length === 0 ? 'none' : sources.join(' and ');
      faults.add('forRootAsync', `expected one of ${SOURCES.join(', ')}, got ${got}`);
    }
    reader.refuseOthers();
  }
  if (faults.list.length > 0) throw new ConfigurationError(faults.list);
}
