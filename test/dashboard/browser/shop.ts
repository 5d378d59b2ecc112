import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AddressInfo, Server } from 'node:net';
import { DurableClient, DurableModule, DurableQueues, hours, type WorkflowHandle } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { World } from '../../../sample/15-demo/src/world.js';
import {
  ExportWorkflow,
  ImportWorkflow,
  ReportWorkflow,
} from '../../../sample/15-demo/src/workflows/back-office.workflows.js';
import { CampaignWorkflow } from '../../../sample/15-demo/src/workflows/campaign.workflow.js';
import { ComplaintWorkflow } from '../../../sample/15-demo/src/workflows/complaint.workflow.js';
import { DocumentWorkflow } from '../../../sample/15-demo/src/workflows/document.workflow.js';
import { ExpenseWorkflow } from '../../../sample/15-demo/src/workflows/expense.workflow.js';
import { OrderWorkflow } from '../../../sample/15-demo/src/workflows/order.workflow.js';
import { PipelineWorkflow, ShipmentWorkflow } from '../../../sample/15-demo/src/workflows/pipeline.workflow.js';
import { TrialWorkflow } from '../../../sample/15-demo/src/workflows/trial.workflow.js';
import { TripWorkflow } from '../../../sample/15-demo/src/workflows/trip.workflow.js';
import { createTestDatabase } from '../../support/database.js';
import { until } from '../../support/until.js';
import {
  AnythingWorkflow,
  EndlessWorkflow,
  FlakyWorkflow,
  Hand,
  HOSTILE,
  HostileWorkflow,
  NoteWorkflow,
  TicksWorkflow,
} from './workflows.js';

/** The demo's shop on a database of its own, with the dashboard mounted for several kinds of people. */
export interface Shop {
  readonly client: DurableClient;
  readonly queues: DurableQueues;
  readonly hand: Hand;
  /** Where the dashboard is, with a slash at its end. */
  base(mount?: 'durable' | 'viewer' | 'clerk' | 'reader'): string;
  /** Stops listening and drops every connection; `comeBack` listens on the same port. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

const WORKFLOWS = [
  OrderWorkflow,
  PipelineWorkflow,
  ShipmentWorkflow,
  TripWorkflow,
  DocumentWorkflow,
  ExpenseWorkflow,
  ComplaintWorkflow,
  CampaignWorkflow,
  TrialWorkflow,
  ReportWorkflow,
  ImportWorkflow,
  ExportWorkflow,
  FlakyWorkflow,
  EndlessWorkflow,
  NoteWorkflow,
  AnythingWorkflow,
  TicksWorkflow,
  HostileWorkflow,
];

export async function openShop(workflows: readonly (new (...args: never[]) => object)[] = WORKFLOWS): Promise<Shop> {
  const { url } = await createTestDatabase();
  const actor = () => 'mara@acme.example';
  const mount = DurableDashboardModule.forRoot({
    title: 'acme-shop',
    badge: { label: 'production', tone: 'warn' },
    authorize: () => true,
    actor,
  });
  const clerk = roles(() => 'clerk', { clerk: ['input.read', 'input.answer'] });
  @Module({
    imports: [
      DurableModule.forRoot({
        database: { url },
        queues: Object.fromEntries(
          ['default', 'payments', 'ai', 'warehouse', 'mail', 'reports', 'exports'].map((name) => [
            name,
            { concurrency: 20 },
          ]),
        ),
        shutdownTimeout: 100,
        logs: { console: false, passthrough: false },
      }),
      mount,
      DurableDashboardModule.forRoot({ path: '/viewer', authorize: roles(() => 'viewer'), actor }),
      DurableDashboardModule.forRoot({ path: '/clerk', authorize: clerk, actor: () => 'clerk@acme.example' }),
      DurableDashboardModule.forRoot({ path: '/reader', authorize: () => true, readOnly: true, actor }),
    ],
    providers: [World, Hand, ...workflows],
  })
  class Root {}
  const app = await NestFactory.create(Root, { logger: false, abortOnError: false });
  app.get(World).unit = 0;
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer() as Server & { closeAllConnections(): void };
  const { port } = server.address() as AddressInfo;
  const client = app.get(DurableClient);
  return {
    client,
    queues: app.get(DurableQueues),
    hand: app.get(Hand),
    base: (name = 'durable') => `http://127.0.0.1:${port}/${name}/`,
    async goAway() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    comeBack: () => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve)),
    async close() {
      // What never ends by itself is not left to the next process.
      await client.cancelMany({ workflow: 'endless', status: ['pending', 'running'] });
      await app.close();
    },
  };
}

/** Runs in each state that the pages know. */
export interface Stock {
  completed: string;
  undone: string;
  stuck: string;
  failed: string;
  retried: string;
  loop: string;
  approval: string;
  choice: string;
  form: string;
  text: string;
  pipeline: string;
  sleeping: string;
  paused: string;
  retrying: string;
  pending: string;
  scheduled: string;
  cancelled: string;
  running: string;
  hostile: string;
  hostileAsks: string;
}

export async function fill({ client, queues }: Shop): Promise<Stock> {
  const started = new Map<keyof Stock, WorkflowHandle<unknown>>();
  const start = async (as: keyof Stock, workflow: string, input: object, options = {}): Promise<void> =>
    void started.set(as, await client.start(workflow, input, options));
  const order = { items: ['lamp', 'rug'], amount: 80, country: 'DE' };
  // Nothing happens but what a test does.
  for (const name of ['minute_report', 'stock_sync']) await client.disableSchedule(name);
  await queues.pause('exports');
  await start('completed', 'process_order', { id: 'A-1002', ...order }, { tags: { customer: 'c-2' } });
  await start('undone', 'trip_booking', { id: 'T-1006', traveller: 'Mara Lind', to: 'Oslo' });
  await start('stuck', 'trip_booking', { id: 'T-1024', traveller: 'Jonas Weber', to: 'Oslo' });
  await start('failed', 'invoice_import', { file: 'invoices-1005.csv', lines: 3 });
  await start('loop', 'campaign', { subject: 'Spring sale', recipients: 300 });
  await start('approval', 'expense_approval', { employee: 'Aiko Mori', amount: 300, purpose: 'a train to Oslo' });
  await start('choice', 'complaint', { orderId: 'A-1001', customer: 'Tom Baker', text: 'It came in two pieces.' });
  await start('form', 'document', { name: 'scan-7.pdf', kind: 'invoice', pages: ['page 9', 'page 8'] });
  await start('text', 'note', {});
  await start('pipeline', 'order_pipeline', { orderId: 'A-1003', warehouses: ['north', 'south'] });
  await start('sleeping', 'trial_reminder', { user: 'ada@shop.example' });
  await start('paused', 'trial_reminder', { user: 'bob@shop.example' });
  await start('retrying', 'flaky', {});
  await start('pending', 'export_data', { table: 'orders' });
  await start('scheduled', 'sales_report', {}, { delay: hours(3) });
  await start('cancelled', 'trial_reminder', { user: 'eve@shop.example' });
  await start('running', 'endless', {});
  await start('hostile', 'hostile', { ask: false }, { tags: { note: HOSTILE } });
  await start('hostileAsks', 'hostile', { ask: true });
  const stock = Object.fromEntries([...started].map(([as, { id }]) => [as, id])) as unknown as Stock;
  for (const as of ['completed', 'undone', 'stuck', 'failed', 'loop', 'hostile'] as const)
    await ended(client, stock[as]);
  for (const as of [
    'approval',
    'choice',
    'form',
    'text',
    'sleeping',
    'paused',
    'cancelled',
    'pipeline',
    'hostileAsks',
  ] as const)
    await inStatus(client, stock[as], 'waiting');
  await client.pause(stock.paused);
  await client.cancel(stock.cancelled, 'the wrong address');
  await until(async () => (await client.explain(stock.retrying))?.kind === 'retry');
  await inStatus(client, stock.running, 'running');
  stock.retried = (await client.retry(stock.failed)).id;
  await ended(client, stock.retried);
  return stock;
}

export async function ended(client: DurableClient, id: string): Promise<void> {
  await until(async () => (await client.getExecution(id))?.completedAt);
}

export async function inStatus(client: DurableClient, id: string, status: string): Promise<void> {
  await until(async () => (await client.getExecution(id))?.status === status);
}
