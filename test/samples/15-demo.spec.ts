import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { days } from 'nest-durable';
import { AppModule } from '../../sample/15-demo/src/app.module.js';
import { ShopService } from '../../sample/15-demo/src/shop.service.js';
import { World } from '../../sample/15-demo/src/world.js';
import { type SampleTest, startSampleTest } from '../support/sample-test.js';

let sample: SampleTest;

beforeAll(async () => {
  sample = await startSampleTest(AppModule);
  // What takes time in the shop takes none here.
  sample.test.app.get(World).unit = 0;
  for (const name of ['minute_report', 'stock_sync']) await client().disableSchedule(name);
});

afterAll(() => sample.test.close());

const client = () => sample.test.client;

it('charges an order again that the gateway refused once', async () => {
  const input = { id: 'A-1001', items: ['lamp'], amount: 20, country: 'DE' };
  const run = await client().start('process_order', input);
  await sample.test.advance(60_000);
  expect(await run.result()).toMatchObject({
    charge: 'ch_1001_20',
    carrier: 'post',
    parcel: 'P-A-1001',
    invoice: 'I-A-1001',
  });
  const charges = (await run.steps()).filter(({ step }) => step === 'charge');
  expect(charges.map(({ status }) => status)).toEqual(['failed', 'completed']);
});

it('puts an order back that the gateway refuses each time', async () => {
  const run = await client().start('process_order', { id: 'A-1019', items: ['rug'], amount: 20, country: 'US' });
  await sample.test.advance(60_000);
  expect(await run.execution()).toMatchObject({
    status: 'compensated',
    error: { name: 'PaymentGatewayError', httpStatus: 503 },
    compensationResults: [{ step: 'reserve', status: 'completed' }],
  });
});

it('refuses an order that is none', async () => {
  const refused = client().start('process_order', { id: 'A-1', items: [], amount: 20, country: 'XX' });
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('undoes a trip whose card is declined, and says so where a car could not be cancelled', async () => {
  const book = (id: string) => client().start('trip_booking', { id, traveller: 'Mara', to: 'Oslo' });
  const [undone, stuck] = [await book('T-1006'), await book('T-1024')];
  await sample.test.advance(60_000);
  expect(await undone.execution()).toMatchObject({ status: 'compensated' });
  const { status, compensationResults } = (await stuck.execution()) ?? {};
  expect(status).toBe('compensation_failed');
  expect(compensationResults).toContainEqual(expect.objectContaining({ step: 'bookCar', status: 'failed' }));
});

it('asks a person for a page that the model is unsure of', async () => {
  const pages = ['page 7', 'page 9'];
  const run = await client().start('document', { name: 'scan-7.pdf', kind: 'invoice', pages });
  await sample.test.advance(30_000);
  const [asked] = await client().listPendingInputs({ executionId: run.id });
  expect(asked?.fields?.map(({ type }) => type)).toEqual(['text', 'number', 'date', 'select', 'boolean']);
  await client().provideInput(run.id, { inputId: asked?.id ?? '' }, { vendor: 'Mill', total: 3 });
  await sample.test.idle();
  expect(await run.result()).toMatchObject({ total: 50 });
});

it('ends a trial after two weeks', async () => {
  const run = await client().start('trial_reminder', { user: 'ada' });
  await sample.test.advance(days(14));
  expect(await run.result()).toMatchObject({ outcome: 'expired' });
});

it('mails to everybody whose address does not bounce', async () => {
  const run = await client().start('campaign', { subject: 'Sale', recipients: 300 });
  await sample.test.idle();
  expect(await run.result()).toMatchObject({ sent: 298, bounced: 2 });
});

it('has a first day with all that the pages show: questions of each kind, a paused queue, runs in each state', async () => {
  await sample.test.app.get(ShopService).firstDay();
  await sample.test.advance(30_000);
  const inputs = await client().listPendingInputs({ limit: 100 });
  expect(new Set(inputs.map(({ type }) => type))).toEqual(new Set(['approval', 'single_choice', 'form']));
  expect(await client().countExecutions({ queue: 'exports', status: 'pending' })).toBe(6);
  const counts = await client().executionCounts();
  expect(counts).toMatchObject({ running: 0 });
  for (const status of ['completed', 'compensated', 'waiting', 'pending'] as const)
    expect(counts[status]).toBeGreaterThan(0);
});
