import { type DynamicModule, type FactoryProvider, Module, type Provider } from '@nestjs/common';
import { ConfigurationError } from './core/errors/errors.js';
import { ConfigurableModuleClass, RAW_OPTIONS } from './durable.module-definition.js';
import type { ASYNC_OPTIONS_TYPE } from './durable.module-definition.js';
import { checkAsyncOptions, optionsMadeBy } from './options/async.js';
import type { DurableModuleOptions } from './options/module.js';
import { read } from './core/text-of.js';
import { given, isObject } from './core/option-reader.js';

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
    checkAsyncOptions(options, BESIDE);
    const module = super.forRootAsync(options);
    if (options.useFactory !== undefined) return module;
    const providers = module.providers?.map((one) => (isRawOptions(one) ? { ...one, useFactory: optionsMadeBy } : one));
    return { ...module, providers: providers ?? [] };
  }
}

/** True for a DurableModule, of another copy of this package too. */
export function isDurableModule(module: unknown): boolean {
  return read(module, MODULE) === true;
}

const BESIDE = ['name', 'isGlobal', 'provideInjectionTokensFrom'];

function isRawOptions(provider: Provider): provider is FactoryProvider {
  return read(provider, 'provide') === RAW_OPTIONS;
}
