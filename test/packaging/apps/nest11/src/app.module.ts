import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DurableModule } from 'nest-durable';
import { DataSource } from 'typeorm';
import { OrdersController } from './orders.controller';
import { Order, OrderWorkflow } from './order.workflow';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true }),
    TypeOrmModule.forRootAsync({
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({
        type: 'postgres',
        url: config.getOrThrow<string>('DATABASE_URL'),
        entities: [Order],
        synchronize: true,
      }),
    }),
    DurableModule.forRootAsync({
      inject: [DataSource, ConfigService],
      useFactory: (dataSource: DataSource, config: ConfigService) => ({
        database: { dataSource },
        schema: config.get<string>('DURABLE_SCHEMA', 'workflows'),
        queues: { default: { concurrency: 2 } },
      }),
    }),
  ],
  controllers: [OrdersController],
  providers: [OrderWorkflow],
})
export class AppModule {}
