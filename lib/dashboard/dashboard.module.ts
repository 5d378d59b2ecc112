import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestModule,
  type Provider,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule, HttpAdapterHost } from '@nestjs/core';
import { type DashboardController, dashboardController, setPaths } from './dashboard.controller.js';
import { DASHBOARD_OPTIONS, DashboardHost } from './dashboard.host.js';
import {
  type DashboardFactoryOptions,
  type DashboardStaticOptions,
  DEFAULT_PATH,
  type DurableDashboardOptions,
  isGuard,
  resolveDashboardOptions,
} from './dashboard.options.js';
import { checkAsyncOptions, ConfigurationError, given, isObject, listOf, optionsMadeBy } from './durable.js';
import { checkPath } from './http/addresses.js';
import { leaveBodiesAlone } from './http/fastify.js';

/** Provider that makes the options: the class given to `forRootAsync({ useClass })` or `useExisting` implements it. */
export interface DashboardOptionsFactory {
  /** Called once, before the module is made. */
  create(): DashboardFactoryOptions | Promise<DashboardFactoryOptions>;
}

/** Options of `forRootAsync()`: one of `useFactory`, `useClass` and `useExisting`, the others left out; what the controller needs stands beside it. */
export interface DurableDashboardAsyncOptions extends DashboardStaticOptions, Pick<ModuleMetadata, 'imports'> {
  /** Tokens of the providers that `useFactory` is called with. Default: none. */
  inject?: FactoryProvider['inject'];
  /** Function that makes the options. */
  // As Nest's own FactoryProvider has it: the arguments are what `inject` names.
  // oxlint-disable-next-line typescript/no-explicit-any
  useFactory?: (...args: any[]) => DashboardFactoryOptions | Promise<DashboardFactoryOptions>;
  /** Class whose `create()` makes the options; instantiated for it. */
  useClass?: Type<DashboardOptionsFactory>;
  /** Class of a provider that is there, whose `create()` makes the options. */
  useExisting?: Type<DashboardOptionsFactory>;
}

const RAW_OPTIONS = Symbol('DURABLE_DASHBOARD_RAW_OPTIONS');
const CONTROLLER = Symbol('DURABLE_DASHBOARD_CONTROLLER');
const STATIC = ['path', 'instance', 'guards', 'decorators'] as const;

/**
 * The dashboard: pages and a JSON API for what a `DurableModule` of the app runs. Closed by default: say who may see it
 * with `authorize` or `guards`. It starts no workers; several may be mounted, at different paths. What is wrong with its
 * options stops the boot.
 */
@Module({})
export class DurableDashboardModule implements NestModule {
  constructor(
    @Inject(CONTROLLER) private readonly controller: Type<DashboardController>,
    private readonly adapter: HttpAdapterHost,
  ) {}

  /** With options that are known now. All of them have defaults. @throws ConfigurationError for options that are no object */
  static forRoot(options: DurableDashboardOptions = {}): DynamicModule {
    if (!isObject(options)) {
      throw new ConfigurationError([{ path: '', message: `expected an object with options, got ${given(options)}` }]);
    }
    return moduleOf(options, null, [{ provide: RAW_OPTIONS, useValue: options }]);
  }

  /** With options from `useFactory`, or from the `create()` of `useClass` or `useExisting`. */
  static forRootAsync(options: DurableDashboardAsyncOptions): DynamicModule {
    checkAsyncOptions(options, STATIC);
    const { imports, inject, useFactory, useClass, useExisting, ...beside } = options;
    const maker = useClass ?? useExisting;
    const providers: Provider[] = useClass === undefined ? [] : [useClass];
    if (maker === undefined) {
      providers.push({ provide: RAW_OPTIONS, useFactory: useFactory ?? (() => ({})), inject: inject ?? [] });
    } else {
      providers.push({ provide: RAW_OPTIONS, useFactory: optionsMadeBy, inject: [maker] });
    }
    return { ...moduleOf(beside, beside, providers, imports) };
  }

  /** Before the routes are registered: only then it is known which framework the app has. */
  configure(_consumer: MiddlewareConsumer): void {
    const { httpAdapter } = this.adapter;
    const framework = httpAdapter?.getType() ?? 'express';
    setPaths(this.controller, framework);
    if (framework === 'fastify') leaveBodiesAlone(httpAdapter.getInstance());
  }
}

function moduleOf(
  { path, guards, decorators }: DashboardStaticOptions,
  beside: DashboardStaticOptions | null,
  providers: Provider[],
  imports: ModuleMetadata['imports'] = [],
): DynamicModule {
  // What is wrong with these is told at the boot, with all the other faults.
  const controller = dashboardController({
    path: checkPath(path, DEFAULT_PATH, () => {}),
    guards: (listOf(guards) ?? []).filter(isGuard),
    decorators: (listOf(decorators) ?? []).filter((one): one is ClassDecorator => typeof one === 'function'),
  });
  return {
    module: DurableDashboardModule,
    imports: [DiscoveryModule, ...imports],
    controllers: [controller],
    providers: [
      ...providers,
      { provide: CONTROLLER, useValue: controller },
      {
        provide: DASHBOARD_OPTIONS,
        useFactory: (raw: unknown) => resolveDashboardOptions(raw, beside),
        inject: [RAW_OPTIONS],
      },
      DashboardHost,
    ],
  };
}
