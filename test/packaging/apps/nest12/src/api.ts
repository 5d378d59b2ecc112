import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableClient, DurableModule, WorkflowNotFoundError } from 'nest-durable';
import { OrderWorkflow } from './order.workflow.js';

/** A process that only starts runs: the workflow is no provider here. */
@Module({ imports: [DurableModule.forRoot({ workers: false })] })
class ApiModule {}

const app = await NestFactory.createApplicationContext(ApiModule, { logger: ['error', 'warn'] });
try {
  const run = await app.get(DurableClient).start(OrderWorkflow, { id: 'o2' });
  await run.sendEvent('packed', 'parcel 2');
  console.log(JSON.stringify(await run.result()));
} catch (error) {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
  console.log(error.message);
}
await app.close();
