import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { ExpensesController } from './expenses.controller.js';
import { ExpenseWorkflow, OfficeService } from './expense.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [ExpensesController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, ExpenseWorkflow, OfficeService],
})
export class AppModule {}
