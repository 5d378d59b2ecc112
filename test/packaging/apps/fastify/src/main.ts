import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createDurableTest } from 'nest-durable/testing';
import { AppModule } from './app.module.js';

async function greet(app: NestFastifyApplication, name: string): Promise<unknown> {
  await app.listen(0, '127.0.0.1');
  const greetings = `${await app.getUrl()}/greetings`;
  const body = JSON.stringify({ name });
  const started = await fetch(greetings, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { id } = (await started.json()) as { id: string };
  return (await fetch(`${greetings}/${id}`)).json();
}

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  logger: ['error', 'warn'],
});
app.enableShutdownHooks();
const served = await greet(app, 'ann');
await app.close();

const test = await createDurableTest({
  imports: [AppModule],
  createApp: (module) => module.createNestApplication<NestFastifyApplication>(new FastifyAdapter()),
});
const tested = await greet(test.app, 'bob');
await test.close();

const plain = await createDurableTest({ imports: [AppModule] });
console.log(JSON.stringify({ served, tested, context: !('getHttpServer' in plain.app) }));
await plain.close();
