import { jest } from '@jest/globals';
import { DatabaseUnavailableError } from '../../lib/core/errors/errors.js';
import { ConnectionLostError } from '../../lib/storage/connection/connection.js';
import { type Lender, queryOf, withReconnect } from '../../lib/storage/connection/transaction.js';
import { asStoreError } from '../../lib/storage/engine/store-client.js';
import { caught } from '../support/plain-app.js';

/** What an error of the database is to the engine: refused means that nothing was committed, and nothing else may mean that. */

/** As the driver gives it. */
const answer = (severity: string, code: string): Error =>
  Object.assign(new Error('told by the server'), { severity, code });

afterEach(() => void jest.useRealTimers());

it.each([
  ['a fault of this process', new TypeError('x is not a function'), 'rejected'],
  ['a statement that was refused', answer('ERROR', '23505'), 'rejected'],
  ['a lock that was not to be had', answer('ERROR', '55P03'), 'retry'],
  ['a full disk', answer('ERROR', '53100'), 'scarce'],
  ['a full disk that ends the server', answer('PANIC', '53100'), 'unknown'],
  ['a login that is refused', answer('FATAL', '28P01'), 'unknown'],
  ['a server that takes no writes', answer('ERROR', '25006'), 'unavailable'],
  ['a session that was never opened', new ConnectionLostError('refused', false), 'unavailable'],
  ['an answer that was lost', new ConnectionLostError('reset', true), 'unknown'],
])('%s', (_, error, kind) => {
  expect(asStoreError(error).kind).toBe(kind);
});

it('a session that cannot be opened is a lost connection, whoever says so; an answer of the server is given as it is', async () => {
  const ask = async (refusal: Error): Promise<unknown> => {
    const refusing: Lender = {
      connect: async () => {
        throw refusal;
      },
    };
    try {
      return await queryOf(refusing)('SELECT 1', []);
    } catch (error) {
      return error;
    }
  };
  for (const message of ['the token service is away', 'certificate has expired', 'SASL: wrong server signature']) {
    const error = await ask(new Error(message));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ sent: false, message: `Could not connect to PostgreSQL: ${message}` });
  }
  const refused = answer('FATAL', '28P01');
  expect(await ask(refused)).toBe(refused);
});

it('a call that has no answer in time may have been done: the first try too', async () => {
  jest.useFakeTimers();
  const call = caught(
    withReconnect(() => new Promise(() => {})),
    DatabaseUnavailableError,
  );
  await jest.advanceTimersByTimeAsync(28_000);
  const error = await call;
  expect(error.message).toMatch(/^PostgreSQL cannot be reached \(no answer\)\. What was asked for may have been done/);
  expect(asStoreError(error).kind).toBe('unknown');
});
