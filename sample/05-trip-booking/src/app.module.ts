import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { TripsController } from './trips.controller.js';
import { Agency, TripWorkflow } from './trip.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [TripsController],
  providers: [Agency, TripWorkflow],
})
export class AppModule {}
