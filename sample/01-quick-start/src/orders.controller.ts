import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { OrderWorkflow, type OrderInput } from './order.workflow.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly durable: DurableClient) {}

  /** The same order again gives the same run. */
  @Post()
  async start(@Body() order: OrderInput): Promise<{ id: string }> {
    const run = await this.durable.start(OrderWorkflow, order, { idempotencyKey: order.id });
    return { id: run.id };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
