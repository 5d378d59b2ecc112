import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}/reports`;
console.log(`
A report is sent every ten seconds, and the one of each working day on the next morning, Tuesday to Saturday at 7:00 in
Berlin. Look at the schedules, and change them:

  curl -s ${url}/schedules
  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"day":"2026-01-31"}'
  curl -s -X POST ${url}/schedules/demo_report -H 'content-type: application/json' -d '{"cron":"*/5 * * * * *"}'
  curl -s -X POST ${url}/schedules/demo_report -H 'content-type: application/json' -d '{"reset":true}'
  curl -s -X POST ${url}/schedules/demo_report/off
`);
