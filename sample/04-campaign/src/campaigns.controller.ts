import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { CampaignWorkflow, type CampaignInput } from './campaign.workflow.js';

@Controller('campaigns')
export class CampaignsController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() input: CampaignInput): Promise<{ id: string }> {
    const run = await this.durable.start(CampaignWorkflow, input);
    return { id: run.id };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
