import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}/documents`;
console.log(`
Listening on ${url}. Of the second page the model is unsure: it waits for a person.

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"name":"scan","pages":["Vendor: ACME\\nTotal: 12.50","illegible, Total: 7"]}'
  curl -s ${url}/reviews
  curl -s -X POST ${url}/reviews/<run>/<input> -H 'content-type: application/json' -d '{"vendor":"Mill","total":7}'
  curl -s ${url}/<id>
`);
