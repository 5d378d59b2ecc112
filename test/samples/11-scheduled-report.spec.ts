import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, type Execution, type StoredSchedule } from 'nest-durable';
import type { AddressInfo } from 'node:net';
import { AppModule } from '../../sample/11-scheduled-report/src/app.module.js';
import { type Report, ReportWorkflow, SalesService } from '../../sample/11-scheduled-report/src/report.workflow.js';
import { createTestDatabase } from '../support/database.js';

const mails: string[] = [];
const before = process.env['DATABASE_URL'];
let app: INestApplication;
let url: string;

beforeAll(async () => {
  process.env['DATABASE_URL'] = (await createTestDatabase()).url;
  app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication({ logger: false });
  app.get(SalesService).mail = async (to, text) => {
    mails.push(text);
    return to;
  };
  await app.listen(0);
  url = `http://localhost:${(app.getHttpServer().address() as AddressInfo).port}/reports`;
});

afterAll(async () => {
  await app.close();
  if (before === undefined) delete process.env['DATABASE_URL'];
  else process.env['DATABASE_URL'] = before;
});

async function post<T>(path: string, body: object = {}): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as T;
}

it('shows its schedules with their next times', async () => {
  const list = (await (await fetch(`${url}/schedules`)).json()) as (StoredSchedule & { next: string[] })[];
  expect(list).toMatchObject([
    { name: 'daily_report', cron: '0 7 * * TUE-SAT', timezone: 'Europe/Berlin', overlap: 'skip', catchUp: 'all' },
    { name: 'demo_report', cron: '*/10 * * * * *', enabled: true },
  ]);
  for (const time of list[0]?.next ?? []) expect(time).toMatch(/T0[56]:00:00.000Z$/);
});

it('sends a report when asked', async () => {
  const report = await post<Report>('', { day: '2026-01-31' });
  expect(report).toEqual({ day: '2026-01-31', orders: 21, revenue: 525, sentTo: 'sales@example.com' });
  expect(mails).toContain('2026-01-31: 21 orders, 525 EUR');
});

it('sends reports by the clock, of the day before', async () => {
  await post('/schedules/demo_report', { cron: '* * * * * *' });
  const client = app.get(DurableClient);
  let scheduled: Execution | undefined;
  while (scheduled === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const runs = await client.listExecutions({ workflow: ReportWorkflow, status: 'completed' });
    scheduled = runs.find((run) => run.scheduledAt !== null);
  }
  const yesterday = new Date(Number(scheduled.scheduledAt) - 86_400_000).toISOString().slice(0, 10);
  expect((await client.getExecution(scheduled.id))?.data).toMatchObject({ day: yesterday });
  expect(await post('/schedules/demo_report', { reset: true })).toMatchObject({ cron: '*/10 * * * * *' });
  expect(await post('/schedules/demo_report/off')).toMatchObject({ enabled: false, nextRunAt: null });
});
