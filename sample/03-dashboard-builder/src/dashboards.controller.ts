import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { DashboardWorkflow, type DashboardInput } from './dashboard.workflow.js';

@Controller('dashboards')
export class DashboardsController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() input: DashboardInput): Promise<{ id: string }> {
    const run = await this.durable.start(DashboardWorkflow, input);
    return { id: run.id };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
