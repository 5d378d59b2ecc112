import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { DocumentsController } from './documents.controller.js';
import { DocumentWorkflow } from './document.workflow.js';
import { ModelService } from './model.service.js';

@Module({
  // The model's limit holds over all processes; documents that wait for a person take none of it.
  imports: [
    DurableModule.forRoot({ queues: { default: { concurrency: 10 }, ai: { concurrency: 4, globalConcurrency: 8 } } }),
    DurableDashboardModule.forRoot(),
  ],
  controllers: [DocumentsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, DocumentWorkflow, ModelService],
})
export class AppModule {}
