import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient, type PendingInput } from 'nest-durable';
import { type DocumentInput, DocumentWorkflow } from './document.workflow.js';

@Controller('documents')
export class DocumentsController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() document: DocumentInput): Promise<{ id: string }> {
    const run = await this.durable.start(DocumentWorkflow, document);
    return { id: run.id };
  }

  /** What people are to read, with the page and what the model made of it. */
  @Get('reviews')
  reviews(): Promise<PendingInput[]> {
    return this.durable.listPendingInputs({ workflow: 'document' });
  }

  @Post('reviews/:run/:input')
  @HttpCode(200)
  async review(
    @Param('run') run: string,
    @Param('input') inputId: string,
    @Body() fields: object,
  ): Promise<{ accepted: true }> {
    await this.durable.provideInput(run, { inputId }, fields);
    return { accepted: true };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
