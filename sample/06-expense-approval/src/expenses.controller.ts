import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient, type PendingInput } from 'nest-durable';
import { ExpenseWorkflow, type Expense } from './expense.workflow.js';

@Controller('expenses')
export class ExpensesController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() expense: Expense): Promise<{ id: string }> {
    const run = await this.durable.start(ExpenseWorkflow, expense);
    return { id: run.id };
  }

  /** What people are asked at present. */
  @Get('questions')
  questions(): Promise<PendingInput[]> {
    return this.durable.listPendingInputs({ workflow: 'expense' });
  }

  /** Answers a question; one of several answers counts, the others get 409, and one that does not fit 400. */
  @Post('questions/:run/:name')
  @HttpCode(200)
  async answer(
    @Param('run') run: string,
    @Param('name') name: string,
    @Body() { answer }: { answer: unknown },
  ): Promise<{ accepted: true }> {
    await this.durable.provideInput(run, name, answer);
    return { accepted: true };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
