import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { TrialsController } from './trials.controller.js';
import { MailService, TrialWorkflow } from './trial.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [TrialsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, TrialWorkflow, MailService],
})
export class AppModule {}
