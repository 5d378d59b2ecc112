import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}/trials`;
console.log(`
Listening on ${url}. A trial of two weeks, and one of 30 s (which is reminded at once); kill the process, it goes on:

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"user":"ann"}'
  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"user":"bob","length":30000}'
  curl -s -X POST ${url}/<id>/subscribe -H 'content-type: application/json' -d '{"plan":"team"}'
  curl -s ${url}/<id>
`);
