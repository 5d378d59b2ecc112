import { createDurableTest, DurableTest, runStep } from 'nest-durable/testing';
import { DataSource } from 'typeorm';
import { Order, OrderWorkflow } from './order.workflow';

describe('OrderWorkflow', () => {
  let test: DurableTest;
  let dataSource: DataSource;

  beforeAll(async () => {
    test = await createDurableTest((url) => {
      dataSource = new DataSource({ type: 'postgres', url, entities: [Order], synchronize: true });
      return { dataSource, providers: [OrderWorkflow] };
    });
  }, 120_000);

  afterAll(() => test.close());

  it('is tested in an HTTP application, since Express is installed', () => {
    expect(typeof test.app.getHttpServer).toBe('function');
  });

  it('saves the order in the transaction of its step', async () => {
    const run = await test.client.start(OrderWorkflow, { amount: 7 });
    expect(await run.result()).toEqual({ amount: 7, orderId: 1 });
    expect(await dataSource.getRepository(Order).count()).toBe(1);
  }, 60_000);

  it('refuses what the class of its input refuses, and undoes what it did', async () => {
    await expect(test.client.start(OrderWorkflow, { amount: 0 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const run = await test.client.start(OrderWorkflow, { amount: 101 });
    await expect(run.result()).rejects.toMatchObject({ code: 'WORKFLOW_FAILED', status: 'compensated' });
    expect(await dataSource.getRepository(Order).count()).toBe(1);
  }, 60_000);

  it('is tested step by step', async () => {
    await expect(runStep(() => new OrderWorkflow().check({ amount: 101 }))).rejects.toThrow('too much');
  });
});
