import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { TripsController } from './trips.controller.js';
import { Agency, TripWorkflow } from './trip.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [TripsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, Agency, TripWorkflow],
})
export class AppModule {}
