import { ConfigurableModuleBuilder, type ExistingProvider, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import {
  getDurableClientToken,
  getDurableEventsToken,
  getDurableHealthIndicatorToken,
  getDurableOptionsToken,
  getDurableQueuesToken,
  getDurableRunnerToken,
} from './decorators/tokens.js';
import { shared } from './core/shared.js';
import { DurableClient } from './client/durable.client.js';
import { DurableEvents } from './client/durable.events.js';
import { DurableExplorer } from './workflows/durable.explorer.js';
import { DurableHealthIndicator } from './client/durable.health.js';
import { DurableLauncherModule } from './lifecycle/durable.launcher.js';
import { type DurableFactoryOptions, resolveOptions } from './options/module.js';
import { DurableQueues } from './client/durable.queues.js';
import { CHECKED_OPTIONS, DurableRunner } from './lifecycle/durable.runner.js';

/** Options that stand beside the factory of `forRootAsync()`, since tokens and exports depend on them. */
export interface DurableModuleExtras {
  /** Name of this instance. Default: `'default'`. */
  name?: string;
  /** `true`: every module can inject the client without importing this one. Default: `true`. */
  isGlobal?: boolean;
}

/** Provider that makes the options: the class given to `forRootAsync({ useClass })` or `useExisting` implements it. */
export interface DurableOptionsFactory {
  /** Called once, before the module is made. */
  create(): DurableFactoryOptions | Promise<DurableFactoryOptions>;
}

/** The options as given, in the module of each instance. */
export const RAW_OPTIONS = Symbol.for('nest-durable.raw-options');

const SERVICES = [
  { tokenOf: getDurableClientToken, type: DurableClient },
  { tokenOf: getDurableQueuesToken, type: DurableQueues },
  { tokenOf: getDurableEventsToken, type: DurableEvents },
  { tokenOf: getDurableHealthIndicatorToken, type: DurableHealthIndicator },
] as const;

/** The services of each copy of the package: a class of one copy is provided by the module of another. */
const known = shared('services', (): (readonly Service[])[] => []);
known.push(SERVICES);

interface Service {
  readonly tokenOf: (name: string) => string;
  readonly type: Type;
}

function byItsClass({ tokenOf, type }: Service): ExistingProvider & { provide: Type } {
  return { provide: type, useExisting: tokenOf('default') };
}

export const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<DurableFactoryOptions>({ optionsInjectionToken: RAW_OPTIONS })
    .setClassMethodName('forRoot')
    .setExtras<DurableModuleExtras>({ name: 'default', isGlobal: true }, (definition, { name, isGlobal }) => {
      const instance = name ?? 'default';
      const options = getDurableOptionsToken(instance);
      const services = SERVICES.map(({ tokenOf, type }) => ({ token: tokenOf(instance), type }));
      const byClass = instance === 'default' ? known.flatMap((copy) => copy.map(byItsClass)) : [];
      return {
        ...definition,
        global: isGlobal ?? true,
        imports: [...(definition.imports ?? []), DiscoveryModule, DurableLauncherModule],
        providers: [
          ...(definition.providers ?? []),
          // Checked in a provider and not in forRoot(): a fault stops the boot, not the import of the app's module.
          {
            provide: options,
            useFactory: (raw: unknown) => resolveOptions(raw, { beside: { name, isGlobal } }),
            inject: [RAW_OPTIONS],
          },
          { provide: CHECKED_OPTIONS, useExisting: options },
          DurableExplorer,
          DurableRunner,
          { provide: getDurableRunnerToken(instance), useExisting: DurableRunner },
          ...services.map(({ token, type }) => ({
            provide: token,
            useFactory: (runner: DurableRunner) => new type(runner),
            inject: [DurableRunner],
          })),
          ...byClass,
        ],
        exports: [
          ...(definition.exports ?? []),
          ...services.map(({ token }) => token),
          options,
          ...byClass.map(({ provide }) => provide),
        ],
      };
    })
    .build();
