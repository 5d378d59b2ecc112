import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { type OrderInput, OrderWorkflow } from './order.workflow.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() order: OrderInput): Promise<{ id: string }> {
    const run = await this.durable.start(OrderWorkflow, order);
    return { id: run.id };
  }

  /** The order with its steps, and the runs that it has started. */
  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return { ...run, children: await this.durable.listChildren(id) };
  }

  /** A scanner in the warehouse has seen the parcel of a shipment. */
  @Post('shipments/:id/packed')
  @HttpCode(200)
  async packed(@Param('id') id: string, @Body() { parcel }: { parcel: string }): Promise<{ id: string }> {
    await this.durable.sendEvent(id, 'packed', parcel, { dedupeKey: parcel });
    return { id };
  }

  /** With everything that it has started. */
  @Post(':id/cancel')
  @HttpCode(200)
  async cancel(@Param('id') id: string): Promise<{ cancelled: boolean }> {
    return { cancelled: await this.durable.cancel(id, 'The customer has changed their mind', { compensate: true }) };
  }
}
