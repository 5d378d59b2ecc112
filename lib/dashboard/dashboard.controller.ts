import {
  All,
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  HttpException,
  Inject,
  Req,
  Res,
  type Type,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import type { DashboardGuard } from './dashboard.options.js';
import { DashboardHost } from './dashboard.host.js';
import { OUR_ROUTE } from './http/fastify.js';
import { exchangeOf } from './http/frameworks.js';

export interface ControllerOptions {
  readonly path: string;
  readonly guards: readonly DashboardGuard[];
  readonly decorators: readonly ClassDecorator[];
}

/** What guards refuse is answered here too: the app's own filters, which may change bodies, do not see it. */
@Catch()
class DashboardFilter implements ExceptionFilter {
  constructor(@Inject(DashboardHost) private readonly host: DashboardHost) {}

  catch(exception: unknown, context: ArgumentsHost): void {
    const http = context.switchToHttp();
    const status = exception instanceof HttpException ? exception.getStatus() : null;
    this.host.refuse(exchangeOf(http.getRequest(), http.getResponse()), exception, status);
  }
}

/**
 * The one controller of a mount: it takes every method and path below it, and hands request and response to the server
 * as they are. Its paths are set once the framework is known, see `setPaths`.
 */
export function dashboardController({ path, guards, decorators }: ControllerOptions): Type<DashboardController> {
  @UseFilters(DashboardFilter)
  @UseGuards(...guards)
  @Controller({ path, version: VERSION_NEUTRAL })
  class DurableDashboardController implements DashboardController {
    constructor(@Inject(DashboardHost) private readonly host: DashboardHost) {}

    @All()
    handle(@Req() request: unknown, @Res() response: unknown): Promise<void> {
      return this.host.handle(exchangeOf(request, response));
    }
  }
  for (const decorate of decorators) decorate(DurableDashboardController);
  return DurableDashboardController;
}

export interface DashboardController {
  handle(request: unknown, response: unknown): Promise<void>;
}

/** What Nest's router and Fastify's adapter read of a method. */
const PATHS = 'path';
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/**
 * Gives the controller the paths that the framework understands: itself and all below it. To be called before the routes
 * are registered. Fastify takes a bare `*` alone; Express wants a name for it.
 */
export function setPaths(controller: Type<DashboardController>, framework: string): void {
  const { handle } = controller.prototype as DashboardController;
  Reflect.defineMetadata(PATHS, framework === 'fastify' ? ['/', '*'] : ['/', '{*path}'], handle);
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG, { [OUR_ROUTE]: true }, handle);
}
