import { Controller, Get, type MessageEvent, Param, Post, Req, Res, Sse } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { DurableEvents, DurableHealthIndicator, DurableQueues } from 'nest-durable';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { map, type Observable } from 'rxjs';
import { prometheus } from './telemetry.js';

/** What whoever is on call looks at. To be kept behind a gate of the app's own. */
@Controller()
export class OperationsController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly durable: DurableHealthIndicator,
    private readonly events: DurableEvents,
    private readonly queues: DurableQueues,
  ) {}

  /** For the orchestrator: down means start this process anew. */
  @Get('health/live')
  @HealthCheck()
  live() {
    return this.health.check([() => this.durable.liveness()]);
  }

  /** For the load balancer: down means send it no requests. Also down where work has waited for a minute. */
  @Get('health/ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.durable.readiness('durable', { maxLag: 60_000 })]);
  }

  /** For Prometheus to scrape. */
  @Get('metrics')
  metrics(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    prometheus.getMetricsRequestHandler(request, response);
  }

  /** What happens on all nodes, as server-sent events: `curl -N`, or an EventSource in a page. */
  @Sse('events')
  stream(): Observable<MessageEvent> {
    return this.events.all().pipe(map((event) => ({ id: event.id, type: event.kind, data: event })));
  }

  @Get('queues')
  list() {
    return this.queues.list();
  }

  @Get('workers')
  workers() {
    return this.queues.workers();
  }

  @Post('queues/:name/pause')
  pause(@Param('name') name: string) {
    return this.queues.pause(name);
  }

  @Post('queues/:name/resume')
  resume(@Param('name') name: string) {
    return this.queues.resume(name);
  }
}
