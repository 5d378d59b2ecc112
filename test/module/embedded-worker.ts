import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule } from 'nest-durable';
import { PlainWorkflow } from './embedded-workflow.js';

/** A second process on an embedded server, for module-embedded.spec.ts. */
const dir = process.argv[2] ?? '';

@Module({ imports: [DurableModule.forRoot({ database: { embedded: { dir } } })], providers: [PlainWorkflow] })
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
app.enableShutdownHooks();
process.send?.('up');
