import { hours } from 'nest-durable';
import { AppModule } from '../../sample/08-payment-webhook/src/app.module.js';
import { ShopService } from '../../sample/08-payment-webhook/src/checkout.workflow.js';
import { sign } from '../../sample/08-payment-webhook/src/signature.js';
import type { SampleRun } from '../support/sample.js';
import { type SampleTest, startSampleTest } from '../support/sample-test.js';

const SECRET = 'whsec_sample';
let sample: SampleTest;

beforeAll(async () => {
  sample = await startSampleTest(AppModule, true);
});

afterAll(() => sample.test.close());

async function begin(orderId: string): Promise<string> {
  const { id } = await sample.post<{ id: string }>('/payments', { orderId, amount: 3000 });
  return id;
}

function hook(run: string, id: string, amount: number, type = 'payment.succeeded'): string {
  return JSON.stringify({ id, type, run, payment: { paymentId: `p_${id}`, amount } });
}

function post(body: string, signature = sign(body, SECRET)): Promise<number> {
  return sample.statusOf('/payments/webhook', body, { 'x-signature': signature });
}

async function read(id: string): Promise<SampleRun> {
  await sample.test.idle();
  return sample.get(`/payments/${id}`);
}

describe('sample 08-payment-webhook', () => {
  it('takes each webhook once, however often and early it comes', async () => {
    const id = await begin('A-1');
    // Before the run waits, and five times at once.
    const first = hook(id, 'evt_1', 1000);
    expect(await Promise.all(Array.from({ length: 5 }, () => post(first)))).toEqual([200, 200, 200, 200, 200]);
    expect(await read(id)).toMatchObject({ status: 'waiting' });
    expect(await post(first)).toBe(200);
    expect(await read(id)).toMatchObject({ status: 'waiting' });
    await post(hook(id, 'evt_2', 2000));
    expect(await read(id)).toMatchObject({
      status: 'completed',
      data: {
        intent: 'pi_A-1_3000',
        payments: [{ amount: 1000 }, { amount: 2000 }],
        invoice: 'INV-A-1',
        status: 'paid',
      },
    });
    // One that comes when all is over is answered too.
    expect(await post(hook(id, 'evt_3', 1))).toBe(200);
    expect(await begin('A-1')).toBe(id);
  });

  it('refuses what the provider has not signed, or signed long ago, or for a run that is none', async () => {
    const id = await begin('A-2');
    const body = hook(id, 'evt_1', 3000);
    expect(await post(body, 'nonsense')).toBe(401);
    expect(await post(body, sign(body, 'another secret'))).toBe(401);
    expect(await post(body, sign(`${body} `, SECRET))).toBe(401);
    expect(await post(body, sign(body, SECRET, new Date(Date.now() - 400_000)))).toBe(401);
    expect(await post(hook('018f0000-0000-7000-8000-000000000000', 'evt_2', 3000))).toBe(404);
    expect((await read(id)).status).toBe('waiting');
    await post(body);
    expect((await read(id)).status).toBe('completed');
  });

  it('gives the stock back when the payment is declined or never comes', async () => {
    const [declined, silent] = [await begin('A-3'), await begin('A-4')];
    await post(hook(declined, 'evt_1', 0, 'payment.failed'));
    expect(await read(declined)).toMatchObject({
      status: 'compensated',
      error: { message: expect.stringContaining('declined') },
    });
    await sample.test.advance(hours(24));
    expect(await read(silent)).toMatchObject({ status: 'compensated', error: { code: 'WAIT_TIMEOUT' } });
    const { stock } = sample.test.get(ShopService);
    expect([stock.get('A-1'), stock.get('A-3'), stock.get('A-4')]).toEqual(['reserved', 'released', 'released']);
  });
});
