import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient, DurableQueues } from 'nest-durable';
import { type Invoice, type InvoiceInput, InvoiceWorkflow } from './invoice.workflow.js';

@Controller('invoices')
export class InvoicesController {
  constructor(
    private readonly durable: DurableClient,
    private readonly queues: DurableQueues,
  ) {}

  @Post()
  async start(@Body() input: InvoiceInput): Promise<{ id: string }> {
    const run = await this.durable.start(InvoiceWorkflow, input);
    return { id: run.id };
  }

  /** Waits until it is sent. */
  @Post('now')
  async now(@Body() input: InvoiceInput): Promise<Invoice> {
    const run = await this.durable.start(InvoiceWorkflow, input);
    return run.result({ timeout: 10_000 });
  }

  /** The processes that work. */
  @Get('workers')
  async workers(): Promise<object> {
    const workers = await this.queues.workers();
    return workers.map(({ pid, queues, workflows, alive }) => ({ pid, queues, workflows, alive }));
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
