import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { CheckoutWorkflow, ShopService } from './checkout.workflow.js';
import { PaymentsController } from './payments.controller.js';

@Module({
  imports: [DurableModule.forRoot()],
  controllers: [PaymentsController],
  providers: [CheckoutWorkflow, ShopService],
})
export class AppModule {}
