import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { CheckoutWorkflow, ShopService } from './checkout.workflow.js';
import { PaymentsController } from './payments.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [PaymentsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, CheckoutWorkflow, ShopService],
})
export class AppModule {}
