import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { OrderWorkflow, PaymentService } from './order.workflow.js';
import { OrdersController } from './orders.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [OrdersController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, OrderWorkflow, PaymentService],
})
export class AppModule {}
