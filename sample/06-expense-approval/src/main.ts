import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}/expenses`;
console.log(`
Listening on ${url}. Expenses above 100 EUR need an answer; kill the process while one is asked for, nothing is lost:

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"employee":"ann","amount":450,"purpose":"a chair"}'
  curl -s ${url}/questions
  curl -s -X POST ${url}/questions/<id>/approve -H 'content-type: application/json' -d '{"answer":true}'
  curl -s ${url}/<id>
`);
