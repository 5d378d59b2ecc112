import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { ResolvedDashboardOptions } from './dashboard.options.js';
import { findHost } from './door.js';
import { packageVersion, textOf } from './durable.js';
import { send } from './http/answer.js';
import { RequestError } from './http/errors.js';
import type { Exchange } from './http/frameworks.js';
import { Gate } from './http/gate.js';
import { ROUTES } from './http/routes.js';
import { DashboardServer } from './http/server.js';
import { builtAssets } from './ui-folder.js';
import { type DashboardServices, servicesOf } from './services.js';

/** The checked options of one mount. */
export const DASHBOARD_OPTIONS = Symbol('DURABLE_DASHBOARD_OPTIONS');

/** Codes of what guards refuse with, where it is not FORBIDDEN. */
const CODES: ReadonlyMap<number, string> = new Map([
  [400, 'INVALID_INPUT'],
  [401, 'UNAUTHORIZED'],
  [404, 'NOT_FOUND'],
  [413, 'TOO_LARGE'],
  [429, 'TOO_MANY_REQUESTS'],
]);

/**
 * One mount in the app's life: finds its DurableModule when the app is initialised, answers requests from then on.
 * Nothing that goes wrong in it leaves it.
 */
@Injectable()
export class DashboardHost implements OnModuleInit, OnModuleDestroy {
  private readonly log = new Logger('DurableDashboard');
  private server: DashboardServer | null = null;
  private services: DashboardServices | null = null;

  constructor(
    @Inject(DASHBOARD_OPTIONS) private readonly options: ResolvedDashboardOptions,
    private readonly discovery: DiscoveryService,
  ) {}

  /** @throws ConfigurationError where there is no DurableModule of that name */
  onModuleInit(): void {
    const { options } = this;
    const providers = this.discovery.getProviders().map((one): unknown => one.instance);
    const host = findHost(providers, options.instance);
    const services = servicesOf(host, options, packageVersion(), (message) => this.log.warn(message));
    const { authorize, readOnly, opened } = options;
    this.services = services;
    const gate = new Gate({ door: opened ? 'app' : 'closed', authorize, readOnly });
    this.server = new DashboardServer({ gate, routes: ROUTES, assets: builtAssets, services });
  }

  /** Before the app's server is closed, which waits for open responses. */
  onModuleDestroy(): void {
    this.services?.streams.close();
    this.services?.bulk.stop();
  }

  async handle(exchange: Exchange): Promise<void> {
    if (!exchange.take() || this.server === null) return;
    const answer = await this.server.handle(exchange.request, exchange.url);
    this.send(() => send(answer, exchange.response));
  }

  /** Answers what a guard, or something else of the app's before ours, has thrown. @param status of an HttpException */
  refuse(exchange: Exchange, exception: unknown, status: number | null): void {
    const { server } = this;
    if (server === null || !exchange.take()) return;
    const error =
      status === null || status >= 500
        ? exception
        : new RequestError(status, CODES.get(status) ?? 'FORBIDDEN', textOf(exception));
    this.send(() => send(server.refuse(server.errorOf(error), exchange.request), exchange.response));
  }

  private send(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.warn(`An answer could not be sent: ${textOf(error)}`);
    }
  }
}
