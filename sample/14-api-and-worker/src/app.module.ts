import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { InvoicesController } from './invoices.controller.js';

/** The API: starts runs and looks at them, executes none. */
@Module({
  imports: [DurableModule.forRoot({ workers: false }), DurableDashboardModule.forRoot()],
  controllers: [InvoicesController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }],
})
export class AppModule {}
