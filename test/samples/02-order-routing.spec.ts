import { startSample, type SampleApp } from '../support/sample.js';

let app: SampleApp;

beforeAll(async () => {
  app = await startSample(() => import('../../sample/02-order-routing/src/app.module.js'));
});

afterAll(() => app.close());

const ways: [name: string, order: object, outcome: object, way: string[]][] = [
  [
    'an express order at home',
    { id: 'A-1', country: 'DE', amount: 20, express: true },
    { outcome: 'on its way', warehouse: 1, carrier: 'courier' },
    [
      'screen',
      'route',
      'route.home/pickWarehouse',
      'route.home/checkStock',
      'route.home/homeCarrier',
      'route.home/homeCarrier.true/courier',
      'confirm',
    ],
  ],
  [
    'an order that only the third warehouse has',
    { id: 'A-2', country: 'DE', amount: 2_000, express: false },
    { outcome: 'on its way', warehouse: 3, carrier: 'post' },
    [
      'screen',
      'route',
      'route.home/pickWarehouse',
      'route.home/checkStock',
      'route.home/pickWarehouse',
      'route.home/checkStock',
      'route.home/pickWarehouse',
      'route.home/checkStock',
      'route.home/homeCarrier',
      'route.home/homeCarrier.false/post',
      'confirm',
    ],
  ],
  [
    'a dear order to a neighbour',
    { id: 'A-3', country: 'CH', amount: 2_000, express: false },
    { outcome: 'on its way', carrier: 'truck', papers: ['invoice', 'proof of origin', 'announcement'] },
    [
      'screen',
      'route',
      'route.near/customs',
      'route.near/customs.2/invoiceAndOrigin',
      'route.near/customs.2/announce',
      'route.near/truck',
      'confirm',
    ],
  ],
  [
    'an order from far away, by the default arm',
    { id: 'A-4', country: 'NZ', amount: 10, express: true },
    { outcome: 'on its way', carrier: 'ship' },
    ['screen', 'route', 'route.default/ship', 'confirm'],
  ],
  [
    'an order that is too expensive, by a jump over everything',
    { id: 'A-5', country: 'DE', amount: 99_000, express: false },
    { outcome: 'rejected: too expensive' },
    ['screen', 'reject'],
  ],
];

describe('sample 02-order-routing', () => {
  it.each(ways)('routes %s', async (_name, order, outcome, way) => {
    const run = await app.run('/orders', order);
    expect(run.status).toBe('completed');
    expect(run.data).toEqual({ ...order, ...outcome });
    expect(run.steps.map(({ path }) => path)).toEqual(way);
  });

  it('counts the visits of a place that is come to again', async () => {
    const run = await app.run('/orders', { id: 'A-6', country: 'DE', amount: 2_000, express: false });
    const picks = run.steps.filter(({ step }) => step === 'pickWarehouse');
    expect(picks.map(({ visit }) => visit)).toEqual([1, 2, 3]);
  });
});
