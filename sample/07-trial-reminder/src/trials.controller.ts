import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { days, DurableClient, ExecutionFinishedError } from 'nest-durable';
import { TrialWorkflow } from './trial.workflow.js';

@Controller('trials')
export class TrialsController {
  constructor(private readonly durable: DurableClient) {}

  /** One trial a user: a second start gives the same run. */
  @Post()
  async start(@Body() { user, length = days(14) }: { user: string; length?: number }): Promise<{ id: string }> {
    const run = await this.durable.start(TrialWorkflow, { user, length }, { idempotencyKey: `trial of ${user}` });
    return { id: run.id };
  }

  @Post(':id/subscribe')
  @HttpCode(200)
  subscribe(@Param('id') id: string, @Body() { plan }: { plan: string }): Promise<{ inTime: boolean }> {
    return this.tell(id, 'subscribed', plan);
  }

  @Post(':id/leave')
  @HttpCode(200)
  leave(@Param('id') id: string): Promise<{ inTime: boolean }> {
    return this.tell(id, 'left');
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }

  private async tell(id: string, event: string, payload?: string): Promise<{ inTime: boolean }> {
    try {
      await this.durable.sendEvent(id, event, payload);
      return { inTime: true };
    } catch (error) {
      if (error instanceof ExecutionFinishedError) return { inTime: false };
      throw error;
    }
  }
}
