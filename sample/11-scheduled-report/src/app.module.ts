import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { ReportWorkflow, SalesService } from './report.workflow.js';
import { ReportsController } from './reports.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [ReportsController],
  providers: [ReportWorkflow, SalesService],
})
export class AppModule {}
