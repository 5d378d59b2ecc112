import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { DurableClient } from 'nest-durable';
import { AppModule } from './app.module.js';
import { OrderWorkflow } from './order.workflow.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const run = await app.get(DurableClient).start(OrderWorkflow, { id: 'o1' });
await run.sendEvent('packed', 'parcel 1');
const receipt = await run.result();
console.log(JSON.stringify(receipt.parcel.length > 0 ? receipt : null));
await app.close();
