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
Listening on ${url}. Mail to many; an address without an @ fails, and the others get their mail all the same:

  curl -s -X POST ${url}/campaigns -H 'content-type: application/json' -d '{"subject":"Hello","recipients":["ada@example.com","nowhere","alan@example.com"]}'
  curl -s ${url}/campaigns/<id>
`);
