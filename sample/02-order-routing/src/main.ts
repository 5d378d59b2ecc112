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
Listening on ${url}. Start orders that go different ways, and read the way that one took in its steps:

  curl -s -X POST ${url}/orders -H 'content-type: application/json' -d '{"id":"A-1","country":"DE","amount":20,"express":true}'
  curl -s -X POST ${url}/orders -H 'content-type: application/json' -d '{"id":"A-2","country":"CH","amount":2000,"express":false}'
  curl -s -X POST ${url}/orders -H 'content-type: application/json' -d '{"id":"A-3","country":"DE","amount":99000,"express":false}'
  curl -s ${url}/orders/<id>
`);
