import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule, Schedule, Step, Workflow } from 'nest-durable';

/** A process of the later code, for the test that kills it. */
const url = process.argv[2] ?? '';

@Workflow({ name: 'report' })
@Schedule({ name: 'nightly', cron: '0 0 1 7 *' })
@Schedule({ name: 'fresh', cron: '0 0 1 7 *' })
class LateWorkflow {
  @Step()
  collect(): void {}

  @Step()
  send(): void {}
}

@Module({
  imports: [DurableModule.forRoot({ database: { url }, queues: { default: {}, ai: { globalConcurrency: 8 } } })],
  providers: [LateWorkflow],
})
class PodModule {}

await NestFactory.createApplicationContext(PodModule, { logger: false });
process.send?.('up');
