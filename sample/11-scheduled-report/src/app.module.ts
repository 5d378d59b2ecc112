import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { ReportWorkflow, SalesService } from './report.workflow.js';
import { ReportsController } from './reports.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [ReportsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, ReportWorkflow, SalesService],
})
export class AppModule {}
