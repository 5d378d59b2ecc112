import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { OrderWorkflow, PaymentService, ReminderWorkflow } from './order.workflow.js';

/** The app, and the worker beside an API. */
@Module({ imports: [DurableModule.forRoot()], providers: [OrderWorkflow, ReminderWorkflow, PaymentService] })
export class AppModule {}
