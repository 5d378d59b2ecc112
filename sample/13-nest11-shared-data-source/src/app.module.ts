import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DurableExceptionFilter, DurableModule } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { DataSource } from 'typeorm';
import { Account, Transfer } from './transfer.entity';
import { TransferWorkflow } from './transfer.workflow';
import { TransfersController } from './transfers.controller';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'postgres',
        url: process.env['DATABASE_URL'],
        entities: [Account, Transfer],
        synchronize: true,
      }),
    }),
    TypeOrmModule.forFeature([Transfer]),
    DurableModule.forRootAsync({
      inject: [DataSource],
      useFactory: (dataSource: DataSource) => ({ database: { dataSource } }),
    }),
    DurableDashboardModule.forRoot(),
  ],
  controllers: [TransfersController],
  providers: [{ provide: APP_FILTER, useClass: DurableExceptionFilter }, TransferWorkflow],
})
export class AppModule implements OnApplicationBootstrap {
  constructor(private readonly dataSource: DataSource) {}

  /** Two accounts to play with. */
  async onApplicationBootstrap(): Promise<void> {
    const accounts = this.dataSource.createQueryBuilder().insert().into(Account);
    await accounts
      .values([
        { id: 'ann', balance: 1_000 },
        { id: 'bob', balance: 0 },
      ])
      .orIgnore()
      .execute();
  }
}
