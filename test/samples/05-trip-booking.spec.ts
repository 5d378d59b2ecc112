import { startSample, type SampleApp } from '../support/sample.js';

let app: SampleApp;

beforeAll(async () => {
  app = await startSample(() => import('../../sample/05-trip-booking/src/app.module.js'));
});

afterAll(() => app.close());

describe('sample 05-trip-booking', () => {
  it('books a trip', async () => {
    const run = await app.run('/trips', { traveller: 'ada', to: 'Turin', card: 'valid' });
    expect(run.status).toBe('completed');
    expect(run.data).toMatchObject({ flight: 'F-Turin', hotel: 'H-Turin', car: 'C-Turin', paid: true });
    expect(run.compensationResults).toEqual([]);
  });

  it('cancels everything that was booked, last booked first, when the card is declined', async () => {
    const run = await app.run('/trips', { traveller: 'alan', to: 'Turin', card: 'declined' });
    expect(run.status).toBe('compensated');
    expect(run.error?.message).toBe('The card was declined');
    expect(run.compensationResults.map(({ step, compensation, status }) => [step, compensation, status])).toEqual(
      expect.arrayContaining([
        ['pay', 'refund', 'completed'],
        ['bookHotel', 'cancelHotel', 'completed'],
        ['bookCar', 'cancelCar', 'completed'],
        ['bookFlight', 'cancelFlight', 'completed'],
      ]),
    );
    const booked = run.steps.filter(({ isCompensation }) => !isCompensation).map(({ step }) => step);
    const ledger = await app.get('/trips/ledger/alan');
    expect(ledger).toEqual([
      'flight booked',
      expect.stringMatching(/^(hotel|car) booked$/),
      expect.stringMatching(/^(hotel|car) booked$/),
      'payment begun',
      'payment undone (unknown)',
      // The order in which the two were recorded, backwards.
      booked.indexOf('bookHotel') < booked.indexOf('bookCar') ? 'car C-Turin cancelled' : 'hotel H-Turin cancelled',
      booked.indexOf('bookHotel') < booked.indexOf('bookCar') ? 'hotel H-Turin cancelled' : 'car C-Turin cancelled',
      'flight F-Turin cancelled',
    ]);
  });
});
