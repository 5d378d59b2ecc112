import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { AppModule } from './app.module';
import { Order } from './order.workflow';

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  const orders = `${await app.getUrl()}/orders`;
  const body = JSON.stringify({ amount: 7 });
  const started = await fetch(orders, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { id } = (await started.json()) as { id: string };
  const result = (await (await fetch(`${orders}/${id}`)).json()) as object;
  const saved = await app.get(DataSource).getRepository(Order).find();
  console.log(JSON.stringify({ result, saved }));
  await app.close();
}
void bootstrap();
