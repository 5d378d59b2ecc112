import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { ShopService } from './shop.service.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? '3000');
await app.get(ShopService).open();
console.log(`
The shop is open: orders, trips, documents, approvals, a mailing to 2 000 customers. Look at it in the
dashboard: answer, cancel, retry. From a second terminal:

  npx nest-durable list --status failed
  npx nest-durable pending --inputs
`);
