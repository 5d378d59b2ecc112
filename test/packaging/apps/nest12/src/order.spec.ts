import 'reflect-metadata';
import { days } from 'nest-durable';
import { createDurableTest, type DurableTest, runStep } from 'nest-durable/testing';
import { AppModule } from './app.module.js';
import { OrderWorkflow, PaymentService, ReminderWorkflow } from './order.workflow.js';

/** Run by Vitest, and by Jest as ES modules and as CommonJS. */
describe('the workflows', () => {
  let test: DurableTest;

  beforeAll(async () => {
    test = await createDurableTest({ imports: [AppModule] });
  }, 120_000);

  afterAll(() => test.close());

  it('run in an application context, since no HTTP platform is installed', () => {
    expect('getHttpServer' in test.app).toBe(false);
  });

  it('wait for what the test sends, and live by its clock', async () => {
    const order = await test.client.start(OrderWorkflow, { id: 'o1' });
    const reminder = await test.client.start(ReminderWorkflow, { user: 'ann' });
    await test.idle();
    await order.sendEvent('packed', 'parcel 1');
    expect(await order.result()).toEqual({ id: 'o1', chargeId: 'charge of o1', parcel: 'parcel 1' });
    await test.advance(days(3));
    expect(await reminder.result()).toEqual({ user: 'ann', reminded: true });
  }, 60_000);

  it('are safe to crash', async () => {
    await test.explore(ReminderWorkflow, { user: 'bob' }, { check: ({ status }) => expect(status).toBe('completed') });
  }, 60_000);

  it('are tested step by step', async () => {
    const workflow = new OrderWorkflow(new PaymentService());
    const { data } = await runStep(() => workflow.charge({ id: 'o2' }), { once: { charge: 'recorded' } });
    expect(data).toEqual({ id: 'o2', chargeId: 'recorded' });
  });
});
