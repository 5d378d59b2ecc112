import type { INestApplicationContext } from '@nestjs/common';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { DurableHealthIndicator, DurableModule, getDurableHealthIndicatorToken } from 'nest-durable';
import { Test } from '@nestjs/testing';
import { createTestDatabase } from '../support/database.js';

/** DurableHealthIndicator, which the contract only names: what terminus wants of an indicator. */

let app: INestApplicationContext;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } }), TerminusModule],
  }).compile();
  app = await module.init();
});

afterAll(() => app.close());

it('is injectable, and what terminus takes', async () => {
  const durable = app.get(DurableHealthIndicator);
  expect(app.get(getDurableHealthIndicatorToken('default'))).toBe(durable);
  const checked = await app
    .get(HealthCheckService)
    .check([() => durable.liveness('engine'), () => durable.readiness('durable')]);
  expect(checked).toMatchObject({
    status: 'ok',
    details: { engine: { status: 'up' }, durable: { status: 'up' } },
  });
});
