import { Body, Controller, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { IsInt, IsString, Min } from 'class-validator';
import { DurableClient } from 'nest-durable';
import { DataSource } from 'typeorm';
import { Account, Transfer } from './transfer.entity';
import { TransferWorkflow } from './transfer.workflow';

class NewTransfer {
  @IsString()
  source!: string;

  @IsString()
  target!: string;

  @IsInt()
  @Min(1)
  amount!: number;
}

@Controller('transfers')
export class TransfersController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly durable: DurableClient,
  ) {}

  /** The transfer's row and its run are written in one transaction: there is none without the other. */
  @Post()
  async create(@Body() { source, target, amount }: NewTransfer): Promise<{ id: string; transferId: number }> {
    return this.dataSource.transaction(async (manager) => {
      const row = await manager.getRepository(Transfer).save({ source, target, amount, state: 'asked' });
      const run = await this.durable.start(TransferWorkflow, { transferId: row.id }, { manager });
      return { id: run.id, transferId: row.id };
    });
  }

  @Get('accounts')
  accounts(): Promise<Account[]> {
    return this.dataSource.getRepository(Account).find({ order: { id: 'ASC' } });
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
