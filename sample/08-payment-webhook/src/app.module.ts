import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { CheckoutWorkflow, ShopService } from './checkout.workflow.js';
import { PaymentsController } from './payments.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [PaymentsController],
  providers: [CheckoutWorkflow, ShopService],
})
export class AppModule {}
