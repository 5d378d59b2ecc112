import { ConfigurationError, DurableClient, DurableModule } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { bootError, caught, openApp } from '../support/plain-app.js';

/** Options are checked at boot. */

const { env } = process;
let url: string;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(() => {
  process.env = { ...env };
});

async function faults(options: object): Promise<ConfigurationError> {
  const error = bootError({
    imports: [DurableModule.forRoot({ database: { url }, ...options })],
  });
  return caught(
    error.then((thrown) => Promise.reject(thrown as Error)),
    ConfigurationError,
  );
}

it('all faults are told at once, each with its path and what was given', async () => {
  const { message } = await faults({
    leaseTimeout: 'long',
    migrations: 'maybe',
    queues: { default: { concurrency: -4 }, ai: { rateLimit: { limit: 'many', period: 5 } } },
    workers: 'yes',
    logs: { levels: ['loud'] },
    redact: 'password',
    retention: { completed: -77 },
    schema: 99,
    shutdownTimeout: Number.NaN,
  });
  for (const path of [
    'leaseTimeout',
    'migrations',
    'queues.default.concurrency',
    'queues.ai.rateLimit.limit',
    'workers',
    'logs.levels',
    'redact',
    'retention.completed',
    'schema',
    'shutdownTimeout',
  ]) {
    expect(message).toContain(path);
  }
  for (const given of ['long', 'maybe', '-4', 'many', 'yes', 'loud', 'password', '-77', '99', 'NaN']) {
    expect(message).toContain(given);
  }
});

it('what is allowed is told', async () => {
  const { message } = await faults({ migrations: 'maybe' });
  for (const allowed of ['run', 'check', 'none']) expect(message).toContain(allowed);
});

it('a typing mistake gets a "did you mean"', async () => {
  const { message } = await faults({
    leaseTimout: 5_000,
    queues: { default: { concurency: 3 } },
    logs: { maxEntires: 1 },
  });
  for (const [wrong, right] of [
    ['leaseTimout', 'leaseTimeout'],
    ['concurency', 'concurrency'],
    ['maxEntires', 'maxEntries'],
  ] as const) {
    expect(message).toContain(wrong);
    expect(message).toMatch(new RegExp(`did you mean[^\\n]*${right}`, 'i'));
  }
  expect((await faults({ migrations: 'chek' })).message).toMatch(/did you mean[^\n]*check/i);
});

it.each([
  ['database', { database: { url: 5 } }],
  ['database', { database: 'nowhere' }],
  ['database', { database: { embedded: { port: -1 } } }],
  ['database', { database: { dataSource: {} } }],
  ['schema', { schema: '' }],
  ['name', { name: 7 }],
  ['queues', { queues: [] }],
  ['pollInterval', { queues: { default: { pollInterval: 'often' } } }],
  ['globalConcurrency', { queues: { default: { globalConcurrency: 0 } } }],
  ['rateLimit', { queues: { default: { rateLimit: { limit: 1 } } } }],
  ['priorityAgeing', { queues: { default: { priorityAgeing: -1 } } }],
  ['notify', { notify: 1 }],
  ['heartbeatInterval', { heartbeatInterval: 0 }],
  ['wakeInterval', { wakeInterval: {} }],
  ['wakeBatchSize', { wakeBatchSize: 0 }],
  ['schedulerInterval', { schedulerInterval: -1 }],
  ['recoveryInterval', { recoveryInterval: '1s' }],
  ['abortGrace', { abortGrace: -1 }],
  ['logs', { logs: true }],
  ['maxMessageLength', { logs: { maxMessageLength: 'x' } }],
  ['maxBytes', { logs: { maxBytes: -1 } }],
  ['console', { logs: { console: 'no' } }],
  ['passthrough', { logs: { passthrough: 0 } }],
  ['metadata', { logs: { metadata: 'all' } }],
  ['maxPayloadBytes', { maxPayloadBytes: 0 }],
  ['retention', { retention: 30 }],
  ['report', { report: true }],
  ['sqlLog', { sqlLog: 'yes' }],
  ['isGlobal', { isGlobal: 'no' }],
])('a bad %s stops the boot', async (name, options) => {
  expect((await faults(options)).message).toContain(name);
});

it('every option may be given', async () => {
  const { app } = await openApp({
    database: { url },
    schema: 'durable',
    name: 'default',
    migrations: 'run',
    queues: {
      default: { concurrency: 10, pollInterval: 1000 },
      ai: { concurrency: 5, globalConcurrency: 20, rateLimit: { limit: 10, period: 1000 }, priorityAgeing: 60_000 },
    },
    workers: true,
    notify: true,
    leaseTimeout: 30_000,
    heartbeatInterval: 10_000,
    wakeInterval: 1000,
    wakeBatchSize: 500,
    schedulerInterval: 1000,
    recoveryInterval: 1000,
    shutdownTimeout: 20_000,
    abortGrace: 5_000,
    logs: {
      enabled: true,
      levels: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
      maxEntries: 1000,
      maxMessageLength: 10_000,
      maxBytes: 65_536,
      console: true,
      passthrough: true,
      metadata: [],
    },
    maxPayloadBytes: 2 * 1024 * 1024,
    redact: [],
    retention: { completed: 1, failed: 2, cancelled: 3, compensated: 4, compensationFailed: 5 },
    report: 'failures',
    sqlLog: false,
    isGlobal: true,
  });
  expect(app.get(DurableClient)).toBeInstanceOf(DurableClient);
  await app.close();
});

describe('without a database', () => {
  it.each(['production', 'staging', undefined])('ConfigurationError where NODE_ENV is %s', async (mode) => {
    delete process.env['DATABASE_URL'];
    if (mode === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = mode;
    const thrown = await bootError({ imports: [DurableModule.forRoot()] });
    const error = await caught(Promise.reject(thrown as Error), ConfigurationError);
    expect(error.message).toContain('database');
    expect(error.message).toContain('DATABASE_URL');
  });
});
