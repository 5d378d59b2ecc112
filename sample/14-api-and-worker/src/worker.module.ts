import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { InvoiceWorkflow } from './invoice.workflow.js';

/** Executes runs; serves nothing. */
@Module({ imports: [DurableModule.forRoot()], providers: [InvoiceWorkflow] })
export class WorkerModule {}
