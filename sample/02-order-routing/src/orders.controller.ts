import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { OrderRoutingWorkflow, type OrderInput } from './order-routing.workflow.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() input: OrderInput): Promise<{ id: string }> {
    const run = await this.durable.start(OrderRoutingWorkflow, input);
    return { id: run.id };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
