import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { DataSource } from 'typeorm';
import { OrderInput, OrderWorkflow } from './order.workflow';

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly durable: DurableClient,
    private readonly dataSource: DataSource,
  ) {}

  @Post()
  create(@Body() input: OrderInput) {
    return this.dataSource.transaction(async (manager) => {
      const { id } = await this.durable.start(OrderWorkflow, input, { manager });
      return { id };
    });
  }

  @Get(':id')
  async look(@Param('id') id: string) {
    return this.durable.handle(id).result();
  }
}
