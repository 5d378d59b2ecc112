import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);

// The second process. As a rule it is a deployment of its own: `node dist/worker.js`.
const worker = fork(fileURLToPath(new URL('./worker.js', import.meta.url)));
await once(worker, 'message');
const url = `http://localhost:${port}/invoices`;
console.log(`
The API, process ${process.pid}, listens on ${url}; process ${worker.pid} does the work. Kill that with
kill -9 ${worker.pid}: invoices are taken all the same, and wait for a worker. \`node dist/worker.js\` starts another.

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"order":"A-1","amount":20}'
  curl -s ${url}/<id>
  curl -s -X POST ${url}/now -H 'content-type: application/json' -d '{"order":"A-2","amount":30}'
  curl -s ${url}/workers
`);
