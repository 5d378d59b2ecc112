import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { DashboardsController } from './dashboards.controller.js';
import { DashboardWorkflow, Sources } from './dashboard.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [DashboardsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, DashboardWorkflow, Sources],
})
export class AppModule {}
