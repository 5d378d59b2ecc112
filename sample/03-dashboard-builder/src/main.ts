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
Listening on ${url}. Build a dashboard (its arms run side by side; "offline" lets one fail), and read it:

  curl -s -X POST ${url}/dashboards -H 'content-type: application/json' -d '{"user":"ada","offline":[]}'
  curl -s -X POST ${url}/dashboards -H 'content-type: application/json' -d '{"user":"ada","offline":["news"]}'
  curl -s ${url}/dashboards/<id>
`);
