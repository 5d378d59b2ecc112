import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { DashboardsController } from './dashboards.controller.js';
import { DashboardWorkflow, Sources } from './dashboard.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [DashboardsController],
  providers: [DashboardWorkflow, Sources],
})
export class AppModule {}
