import { Module } from '@nestjs/common';
import { DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { ExpensesController } from './expenses.controller.js';
import { ExpenseWorkflow, OfficeService } from './expense.workflow.js';

@Module({
  imports: [DurableModule.forRoot(), DurableDashboardModule.forRoot()],
  controllers: [ExpensesController],
  providers: [ExpenseWorkflow, OfficeService],
})
export class AppModule {}
