import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { type ParcelInput, ParcelWorkflow } from './parcel.workflow.js';

@Controller('parcels')
export class ParcelsController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async send(@Body() input: ParcelInput): Promise<{ id: string }> {
    const { id } = await this.durable.start(ParcelWorkflow, input);
    return { id };
  }

  /** What the courier's device calls; twice, where the network is bad. */
  @Post(':id/delivered')
  @HttpCode(202)
  async delivered(@Param('id') id: string, @Body() body: { signedBy: string }): Promise<void> {
    await this.durable.sendEvent(id, 'delivered', body, { dedupeKey: 'delivered' });
  }
}
