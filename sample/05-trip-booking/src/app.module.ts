import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { TripsController } from './trips.controller.js';
import { Agency, TripWorkflow } from './trip.workflow.js';

@Module({
  imports: [DurableModule.forRoot()],
  controllers: [TripsController],
  providers: [Agency, TripWorkflow],
})
export class AppModule {}
