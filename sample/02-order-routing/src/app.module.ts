import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { OrdersController } from './orders.controller.js';
import { OrderRoutingWorkflow } from './order-routing.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [OrdersController],
  providers: [OrderRoutingWorkflow],
})
export class AppModule {}
