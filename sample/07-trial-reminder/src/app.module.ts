import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { TrialsController } from './trials.controller.js';
import { MailService, TrialWorkflow } from './trial.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [TrialsController],
  providers: [TrialWorkflow, MailService],
})
export class AppModule {}
