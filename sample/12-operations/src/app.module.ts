import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { OperationsController } from './operations.controller.js';
import { ParcelWorkflow } from './parcel.workflow.js';
import { ParcelsController } from './parcels.controller.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot(), TerminusModule],
  controllers: [ParcelsController, OperationsController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, ParcelWorkflow],
})
export class AppModule {}
