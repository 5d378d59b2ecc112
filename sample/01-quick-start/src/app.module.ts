import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { OrderWorkflow, PaymentService } from './order.workflow.js';
import { OrdersController } from './orders.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [OrdersController],
  providers: [OrderWorkflow, PaymentService],
})
export class AppModule {}
