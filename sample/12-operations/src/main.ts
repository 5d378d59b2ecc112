import './telemetry.js';
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}`;
console.log(`
Send a parcel, see it wait, and deliver it; a second terminal shows what happens while you do:

  curl -N ${url}/events
  curl -s -X POST ${url}/parcels -H 'content-type: application/json' -d '{"address":"Main St 1","weight":2}'
  curl -s -X POST ${url}/parcels/ID/delivered -H 'content-type: application/json' -d '{"signedBy":"Ada"}'

What an operator looks at:

  curl -s ${url}/health/ready
  curl -s ${url}/metrics
  curl -s ${url}/queues
  curl -s ${url}/workers
  curl -s -X POST ${url}/queues/default/pause
  curl -s -X POST ${url}/queues/default/resume
`);
