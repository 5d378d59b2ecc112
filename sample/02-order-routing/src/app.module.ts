import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { OrdersController } from './orders.controller.js';
import { OrderRoutingWorkflow } from './order-routing.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [OrdersController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, OrderRoutingWorkflow],
})
export class AppModule {}
