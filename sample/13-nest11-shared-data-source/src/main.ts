import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module';

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule);
  app.set('json spaces', 2);
  app.useGlobalPipes(new ValidationPipe());
  app.enableShutdownHooks();
  const port = process.env['PORT'] ?? '3000';
  await app.listen(port);
  const url = `http://localhost:${port}/transfers`;
  console.log(`
Listening on ${url}. Move money from ann to bob; a transfer of 666 is refused afterwards, and given back.

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"source":"ann","target":"bob","amount":100}'
  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"source":"ann","target":"bob","amount":666}'
  curl -s ${url}/accounts
  curl -s ${url}/<id>
`);
}

void bootstrap();
