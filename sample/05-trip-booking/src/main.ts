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
Listening on ${url}. Book a trip, and one whose card is declined: what was booked is cancelled, last booked first.

  curl -s -X POST ${url}/trips -H 'content-type: application/json' -d '{"traveller":"ada","to":"Turin","card":"valid"}'
  curl -s -X POST ${url}/trips -H 'content-type: application/json' -d '{"traveller":"alan","to":"Turin","card":"declined"}'
  curl -s ${url}/trips/<id>
  curl -s ${url}/trips/ledger/alan
`);
