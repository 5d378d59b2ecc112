import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { CampaignsController } from './campaigns.controller.js';
import { CampaignWorkflow, MailService } from './campaign.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [CampaignsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, CampaignWorkflow, MailService],
})
export class AppModule {}
