import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from './worker.module.js';

// Started by main.ts, it tells that when it is up, and ends with it.
const ofMain = process.send !== undefined;
const app = await NestFactory.createApplicationContext(WorkerModule);
app.enableShutdownHooks();
if (ofMain) {
  process.once('disconnect', () => void app.close());
  if (process.connected) process.send?.('up');
  else await app.close();
}
