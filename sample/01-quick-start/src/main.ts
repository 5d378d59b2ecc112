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
Listening on ${url}. Start an order, and read it with its steps:

  curl -s -X POST ${url}/orders -H 'content-type: application/json' -d '{"id":"A-1","items":["book"],"amount":20}'
  curl -s ${url}/orders/<id>
`);
