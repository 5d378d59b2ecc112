import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}/orders`;
console.log(`
Listening on ${url}. An order from two warehouses: two shipments, each a run of its own that waits to be packed.

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"orderId":"A-1","items":["book","pen"]}'
  curl -s ${url}/<id>
  curl -s -X POST ${url}/shipments/<child id>/packed -H 'content-type: application/json' -d '{"parcel":"p-1"}'
  curl -s -X POST ${url}/<id>/cancel
`);
