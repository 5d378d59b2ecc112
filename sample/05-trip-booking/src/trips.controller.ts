import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { Agency, TripWorkflow, type TripInput } from './trip.workflow.js';

@Controller('trips')
export class TripsController {
  constructor(
    private readonly durable: DurableClient,
    private readonly agency: Agency,
  ) {}

  @Post()
  async start(@Body() input: TripInput): Promise<{ id: string }> {
    const run = await this.durable.start(TripWorkflow, input);
    return { id: run.id };
  }

  /** What was booked and cancelled for a traveller, in order. */
  @Get('ledger/:traveller')
  ledger(@Param('traveller') traveller: string): readonly string[] {
    return this.agency.ledger(traveller);
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
