import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { OrderWorkflow } from './order.workflow.js';
import { OrdersController } from './orders.controller.js';
import { ReceiptWorkflow } from './receipt.workflow.js';
import { ShipmentWorkflow } from './shipment.workflow.js';
import { WarehouseService } from './warehouse.service.js';

@Module({
  imports: [
    DurableModule.forRoot({ queues: { default: { concurrency: 10 }, warehouse: { concurrency: 5 } } }),
    DurableDashboardModule.forRoot(),
  ],
  controllers: [OrdersController],
  providers: [
    { provide: APP_FILTER, useClass: DurableExceptionFilter },
    OrderWorkflow,
    ShipmentWorkflow,
    ReceiptWorkflow,
    WarehouseService,
  ],
})
export class AppModule {}
