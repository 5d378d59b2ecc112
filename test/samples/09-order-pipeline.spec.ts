import { days } from 'nest-durable';
import { AppModule } from '../../sample/09-order-pipeline/src/app.module.js';
import { WarehouseService } from '../../sample/09-order-pipeline/src/warehouse.service.js';
import type { SampleRun } from '../support/sample.js';
import { type SampleTest, startSampleTest } from '../support/sample-test.js';

interface OrderRun extends SampleRun {
  children: { id: string; workflow: string; status: string; queue: string }[];
}

let sample: SampleTest;

beforeAll(async () => {
  sample = await startSampleTest(AppModule);
});

afterAll(() => sample.test.close());

async function begin(orderId: string, items: string[]): Promise<string> {
  const { id } = await sample.post<{ id: string }>('/orders', { orderId, items });
  return id;
}

async function read(id: string): Promise<OrderRun> {
  await sample.test.idle();
  return sample.get(`/orders/${id}`);
}

function ends({ children }: OrderRun): string[] {
  return children.map(({ workflow, status }) => `${workflow} ${status}`).toSorted();
}

function ledgerOf(orderId: string): string[] {
  const { ledger } = sample.test.get(WarehouseService);
  return ledger.filter((line) => line.startsWith(`${orderId} `)).map((line) => line.slice(orderId.length + 1));
}

describe('sample 09-order-pipeline', () => {
  it('waits for a shipment of each warehouse, and starts the receipt', async () => {
    const id = await begin('A-1', ['book', 'pen', 'apple']);
    const { children, status } = await read(id);
    expect(status).toBe('waiting');
    expect(children).toMatchObject([
      { status: 'waiting', queue: 'warehouse' },
      { status: 'waiting', queue: 'warehouse' },
    ]);
    await sample.test.crash();
    for (const [index, shipment] of children.entries()) {
      await sample.post(`/orders/shipments/${shipment.id}/packed`, { parcel: `p-${index}` });
    }
    await sample.test.restart();
    const done = await read(id);
    expect(done).toMatchObject({ status: 'completed', data: { orderId: 'A-1', points: 30 } });
    expect((done.data['parcels'] as string[]).toSorted()).toEqual(['p-0', 'p-1']);
    expect(ends(done)).toEqual(['receipt completed', 'shipment completed', 'shipment completed']);
    expect(done.data['receipt']).toBe(done.children.find(({ workflow }) => workflow === 'receipt')?.id);
    expect(ledgerOf('A-1').toSorted()).toEqual(['reserved in north', 'reserved in south']);
  });

  it('fails with a shipment, and cancels the other', async () => {
    const failed = await read(await begin('A-2', ['book', 'unicorn']));
    expect(failed).toMatchObject({ status: 'failed', error: { name: 'ChildWorkflowError', code: 'CHILD_WORKFLOW' } });
    expect(ends(failed)).toEqual(['shipment cancelled', 'shipment failed']);
  });

  it('is cancelled with all that it has started, and the items go back', async () => {
    const id = await begin('A-3', ['book', 'pen']);
    await read(id);
    expect(await sample.post(`/orders/${id}/cancel`)).toEqual({ cancelled: true });
    const run = await read(id);
    expect(run.status).toBe('cancelled');
    expect(ends(run)).toEqual(['shipment compensated', 'shipment compensated']);
    expect(ledgerOf('A-3').slice(2).toSorted()).toEqual(['put back in north', 'put back in south']);
  });

  it('waits no longer than five days', async () => {
    const id = await begin('A-4', ['book']);
    await sample.test.advance(days(5));
    const run = await read(id);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'WAIT_TIMEOUT' } });
    expect(ends(run)).toEqual(['shipment cancelled']);
  });
});
