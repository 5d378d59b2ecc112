import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule, { rawBody: true });
app.set('json spaces', 2);
app.enableShutdownHooks();
const port = process.env['PORT'] ?? '3000';
await app.listen(port);
const url = `http://localhost:${port}/payments`;
console.log(`
Listening on ${url}. Start an order, then be the payment provider: the signature is an HMAC of the body.

  curl -s -X POST ${url} -H 'content-type: application/json' -d '{"orderId":"A-1","amount":2000}'

  BODY='{"id":"evt_1","type":"payment.succeeded","run":"<id>","payment":{"paymentId":"p_1","amount":2000}}'
  T=$(date +%s); SIG=$(printf '%s.%s' "$T" "$BODY" | openssl dgst -sha256 -hmac whsec_sample | sed 's/^.* //')
  curl -s -X POST ${url}/webhook -H 'content-type: application/json' -H "x-signature: t=$T,v1=$SIG" -d "$BODY"
  curl -s ${url}/<id>
`);
