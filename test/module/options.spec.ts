import { DataSource } from 'typeorm';
import { ConfigurationError } from '../../lib/core/errors/errors.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { resolveOptions, type ResolveSettings } from '../../lib/options/module.js';
import { resolveTarget } from '../../lib/storage/connection/connection.js';

const env = { NODE_ENV: 'test' };
const queue = {
  concurrency: 50,
  pollInterval: 1_000,
  globalConcurrency: null,
  rateLimit: null,
  priorityAgeing: 60_000,
};

/** The faults by path; fails where there are none. */
function faultsOf(raw: unknown, settings: ResolveSettings = { env }): Record<string, string> {
  try {
    resolveOptions(raw, settings);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.fromEntries(error.violations.map(({ path, message }) => [path, message]));
  }
  throw new Error('expected the options to be refused');
}

describe('defaults', () => {
  it('are those of the documentation', () => {
    const { queues, ...options } = resolveOptions({}, { env });
    expect(options).toEqual({
      name: 'default',
      database: { kind: 'embedded', dir: undefined, port: undefined },
      readReplica: null,
      schema: 'durable',
      migrations: 'run',
      workers: true,
      notify: true,
      leaseTimeout: 30_000,
      heartbeatInterval: 10_000,
      wakeInterval: 1_000,
      wakeBatchSize: 500,
      schedulerInterval: 1_000,
      recoveryInterval: 1_000,
      shutdownTimeout: 20_000,
      abortGrace: 5_000,
      poolSize: 4,
      maxPayloadBytes: 2 * 1024 * 1024,
      redact: NO_REDACTION,
      retention: {
        completed: null,
        failed: null,
        cancelled: null,
        compensated: null,
        compensationFailed: null,
        audit: 34_560_000_000,
      },
      logs: {
        levels: new Set(['fatal', 'error', 'warn', 'log', 'debug', 'verbose']),
        maxEntries: 1_000,
        maxMessageLength: 10_000,
        maxBytes: 65_536,
        console: true,
        passthrough: true,
        metadata: [],
        redact: NO_REDACTION,
      },
      report: 'failures',
      sqlLog: false,
      isGlobal: true,
    });
    expect([...queues]).toEqual([['default', queue]]);
  });

  it('stand in for what is undefined', () => {
    const options = resolveOptions({ schema: undefined, queues: { ai: { concurrency: undefined } } }, { env });
    expect(options.schema).toBe('durable');
    expect([...options.queues]).toEqual([['ai', queue]]);
  });

  it('give a short lease a heartbeat that keeps it', () => {
    expect(resolveOptions({ leaseTimeout: 900 }, { env }).heartbeatInterval).toBe(300);
  });

  it('keep a queue called __proto__', () => {
    const queues = JSON.parse('{ "__proto__": { "concurrency": 3 } }') as object;
    expect(resolveOptions({ queues }, { env }).queues.get('__proto__')).toEqual({ ...queue, concurrency: 3 });
  });
});

describe('bad values', () => {
  const long = 'x'.repeat(65);
  it.each<[string, unknown[], RegExp]>([
    ['name', ['', 5, null, long, 'a\nb'], /^expected a name of 1 to 64 characters.*, got /],
    [
      'schema',
      ['Durable', '1a', 'a-b', 'a"b', 'a;drop', '', 'pg_x', 'information_schema', 'public', long, 5],
      /^expected a plain identifier.*, got /,
    ],
    ['migrations', ['never', true, null, ['run']], /^expected 'run' or 'check' or 'none', got /],
    ['workers', ['yes', 1, null], /^expected true or false, got /],
    ['notify', ['yes', 0, null], /^expected true or false, got /],
    ['report', ['failure', true, null], /^expected 'failures' or 'all' or 'none', got /],
    ['sqlLog', ['all', 1, null], /^expected true or false, got /],
    ['isGlobal', ['yes', 1, null], /^expected true or false, got /],
    [
      'leaseTimeout',
      [99, 2 ** 31, 1000.5, NaN, Infinity, '30s', null],
      /^expected a whole number from 100 to 2147483647 \(ms\), got /,
    ],
    ['heartbeatInterval', [9, -1, '10s', null], /^expected a whole number from 10 .*, got /],
    ['wakeInterval', [0, 9, 2 ** 31, '1s', null], /^expected a whole number from 10 .*, got /],
    ['wakeBatchSize', [0, 10_001, 1.5, '5', null], /^expected a whole number from 1 to 10000, got /],
    ['recoveryInterval', [0, 9, '1s', null], /^expected a whole number from 10 .*, got /],
    ['shutdownTimeout', [-1, Infinity, '20s', null], /^expected a whole number from 0 .*, got /],
    ['abortGrace', [-1, Infinity, '5s', null], /^expected a whole number from 0 .*, got /],
    ['maxPayloadBytes', [0, -1, 2 ** 40, '2MB', null], /^expected a whole number from 1 to 268435456 \(bytes\), got /],
    ['queues', [null, [], 'default', 5], /^expected an object with options, got /],
    ['database', [5, null, [], true, 'embeded'], /^expected \{ url \}, .*, got /],
  ])('of %s are refused with what was given and what is allowed', (option, values, message) => {
    for (const value of values) {
      const faults = faultsOf({ [option]: value });
      expect(Object.keys(faults)).toEqual([option]);
      expect(faults[option]).toMatch(message);
    }
  });

  it('of a queue are refused under its path', () => {
    expect(faultsOf({ queues: { ai: { concurrency: 0, pollInterval: 5 }, 'a b': 7 } })).toEqual({
      'queues.ai.concurrency': 'expected a whole number from 1 to 10000, got the number 0',
      'queues.ai.pollInterval': 'expected a whole number from 10 to 2147483647 (ms), got the number 5',
      'queues."a b"': 'expected an object with options, got the number 7',
    });
  });

  it("of a queue's limits are refused under their path", () => {
    const queues = {
      a: { globalConcurrency: 0, priorityAgeing: 9 },
      b: { rateLimit: { limit: 5 } },
      c: { rateLimit: { limit: 0, period: 1.5, burst: 2 } },
      d: { rateLimit: 5 },
    };
    expect(faultsOf({ queues })).toEqual({
      'queues.a.globalConcurrency': 'expected a whole number from 1 to 1000000, got the number 0',
      'queues.a.priorityAgeing': 'expected a whole number from 10 to 2147483647 (ms), got the number 9',
      'queues.b.rateLimit.period': expect.stringContaining('is missing'),
      'queues.c.rateLimit.limit': 'expected a whole number from 1 to 1000000, got the number 0',
      'queues.c.rateLimit.period': 'expected a whole number from 1 to 2147483647 (ms), got the number 1.5',
      'queues.c.rateLimit.burst': expect.stringContaining('is not an option'),
      'queues.d.rateLimit': 'expected an object with options, got the number 5',
    });
  });

  it('of the retention are refused under their path', () => {
    expect(faultsOf({ retention: { completed: 0, failed: '30d', expired: 5 } })).toEqual({
      'retention.completed': 'expected a whole number from 1 to 3155760000000 (ms), got the number 0',
      'retention.failed': expect.stringContaining('(ms), got'),
      'retention.expired': expect.stringContaining('is not an option'),
    });
    expect(faultsOf({ retention: 5 })).toEqual({ retention: expect.stringContaining('expected an object') });
    expect(resolveOptions({ retention: { completed: 2_592_000_000 } }, { env }).retention.completed).toBe(
      2_592_000_000,
    );
  });

  it('of queue names are refused', () => {
    expect(Object.values(faultsOf({ queues: { '': {}, 'a\u0000b': {} } }))).toEqual([
      expect.stringContaining('is not a queue name'),
      expect.stringContaining('is not a queue name'),
    ]);
  });

  it('in the place of all options are refused', () => {
    for (const value of [null, undefined, 'x', [], 5]) {
      expect(faultsOf(value)).toEqual({ '': expect.stringMatching(/^expected an object with options, got /) });
    }
  });

  it('are all listed at once', () => {
    const faults = faultsOf({
      schema: 'No',
      workrs: false,
      migrations: 'rn',
      queues: { ai: { concurency: 1 } },
      leaseTimeout: 1,
      database: { url: 'mysql://x' },
    });
    expect(Object.keys(faults).sort()).toEqual(
      ['schema', 'workrs', 'migrations', 'queues.ai.concurency', 'leaseTimeout', 'database.url'].sort(),
    );
  });

  it('stand in the message of the error, a line each', () => {
    expect(() => resolveOptions({ workers: 1, notify: 2 }, { env })).toThrow(/\n {2}- workers: .*\n {2}- notify: /);
  });
});

describe('unknown keys', () => {
  it.each([
    [{ qeues: {} }, 'qeues', 'Did you mean "queues"?'],
    [{ lease_timeout: 5 }, 'lease_timeout', 'Did you mean "leaseTimeout"?'],
    [{ queues: { ai: { concurency: 5 } } }, 'queues.ai.concurency', 'Did you mean "concurrency"?'],
    [{ database: { ulr: 'x' } }, 'database.ulr', 'Did you mean "url"?'],
    [{ database: { hots: 'x' } }, 'database.hots', 'Did you mean "host"?'],
    [{ database: { datasource: {} } }, 'database.datasource', 'Did you mean "dataSource"?'],
    [{ database: { embedded: { folder: 'x', prot: 1 } } }, 'database.embedded.prot', 'Did you mean "port"?'],
    [{ migrations: 'chek' }, 'migrations', 'Did you mean "check"?'],
    [{ redacted: ['a'] }, 'redacted', 'Did you mean "redact"?'],
  ])('%j is told what was meant', (options, path, hint) => {
    expect(faultsOf(options)[path]).toContain(hint);
  });
});

describe('redact', () => {
  it('is compiled once, for what is shown and for what is logged', () => {
    const { redact, logs } = resolveOptions({ redact: ['password', 'items[*].iban'] }, { env });
    expect(redact.payload({ password: 's', items: [{ iban: 's' }] })).toEqual({
      password: '[redacted]', items: [{ iban: '[redacted]' }],
    }); // prettier-ignore
    expect(logs?.redact).toBe(redact);
    expect(resolveOptions({ redact: ['a'], logs: { levels: [] } }, { env }).logs?.redact.logged({ a: 1 })).toEqual({
      a: '[redacted]',
    });
    expect(resolveOptions({ redact: undefined }, { env }).redact).toBe(NO_REDACTION);
    expect(resolveOptions({ redact: [] }, { env }).redact).toBe(NO_REDACTION);
  });

  it('takes paths, and says of each that is none where it is and why', () => {
    const redact = ['ok', 7, '', 'a..b', 'a[0', undefined, 'x'.repeat(256), 'y'.repeat(257), '**.s', 'to*'];
    const rule = `expected a path such as 'card.number', 'items[*].iban' or '**.secret'`;
    expect(faultsOf({ redact, workers: 5 })).toEqual({
      'redact[1]': `${rule}, got the number 7`,
      'redact[2]': `${rule}, got the string ""`,
      'redact[3]': `${rule}, got the string "a..b": it has an empty segment`,
      'redact[4]': `${rule}, got the string "a[0": its brackets do not match`,
      'redact[5]': `${rule}, got undefined`,
      'redact[7]': `${rule} of up to 256 characters, got one of 257`,
      'redact[9]': expect.stringContaining('* stands for a whole key'),
      workers: expect.any(String),
    });
  });

  it('takes no more than it can', () => {
    for (const redact of [{}, 'password', null, true, Array.from({ length: 1_001 }, () => 'a')]) {
      expect(faultsOf({ redact })).toEqual({
        redact: expect.stringMatching(/^expected an array of up to 1000 paths, got /),
      });
    }
    expect(resolveOptions({ redact: Array.from({ length: 1_000 }, (_, n) => `k${n}`) }, { env }).redact.payload({ k999: 1 }))
      .toEqual({ k999: '[redacted]' }); // prettier-ignore
  });
});

describe('logs', () => {
  it('can be turned off', () => {
    expect(resolveOptions({ logs: { enabled: false } }, { env }).logs).toBeNull();
    expect(resolveOptions({ logs: { levels: ['warn'], metadata: ['a', 'a'] } }, { env }).logs).toMatchObject({
      levels: new Set(['warn']),
      metadata: ['a'],
      console: true,
    });
  });

  it.each<[object, string, RegExp]>([
    [{ enabled: 1 }, 'enabled', /^expected true or false, got /],
    [{ console: 'no' }, 'console', /^expected true or false, got /],
    [{ passthrough: null }, 'passthrough', /^expected true or false, got /],
    [{ levels: 'all' }, 'levels', /^expected an array of 'fatal', .*, got the string "all"/],
    [{ levels: ['wran'] }, 'levels', /^expected an array of .*, got one with the string "wran"\. Did you mean "warn"/],
    [{ maxEntries: 0 }, 'maxEntries', /^expected a whole number from 1 to /],
    [{ maxMessageLength: 1.5 }, 'maxMessageLength', /^expected a whole number from 1 to /],
    [{ maxBytes: '1kB' }, 'maxBytes', /^expected a whole number from 1 to .*\(bytes\), got /],
    [{ metadata: ['a', ''] }, 'metadata', /^expected an array of up to 100 names of keys, got /],
    [{ metadata: 'orderId' }, 'metadata', /^expected an array of up to 100 names of keys, got /],
    [{ level: ['warn'] }, 'level', /^is not an option. Did you mean "levels"/],
  ])('%j is refused', (logs, key, message) => {
    expect(faultsOf({ logs })).toEqual({ [`logs.${key}`]: expect.stringMatching(message) });
  });

  it('are an object', () => {
    for (const logs of [true, 'all', []]) expect(Object.keys(faultsOf({ logs }))).toEqual(['logs']);
  });
});

describe('what must fit together', () => {
  it('is the heartbeat with the lease', () => {
    expect(faultsOf({ leaseTimeout: 1_000, heartbeatInterval: 500 })).toEqual({
      heartbeatInterval: expect.stringContaining('less than half of leaseTimeout (1000 ms)'),
    });
    expect(faultsOf({ heartbeatInterval: 15_000 })).toHaveProperty('heartbeatInterval');
    expect(resolveOptions({ leaseTimeout: 1_000, heartbeatInterval: 499 }, { env }).heartbeatInterval).toBe(499);
  });

  it('are workers with queues', () => {
    expect(faultsOf({ queues: {} })).toEqual({ queues: expect.stringContaining('at least one queue') });
    expect(resolveOptions({ queues: {}, workers: false }, { env }).queues.size).toBe(0);
  });

  it('is the factory with what stands beside it', () => {
    expect(resolveOptions({}, { env, beside: { name: 'billing', isGlobal: undefined } })).toMatchObject({
      name: 'billing',
      isGlobal: true,
    });
    expect(faultsOf({ name: 'other' }, { env, beside: { name: 'billing' } })).toEqual({
      name: expect.stringContaining('forRootAsync({ name, useFactory })'),
    });
  });
});

describe('database', () => {
  const of = (raw: unknown, variables: NodeJS.ProcessEnv = env) => resolveOptions(raw, { env: variables }).database;

  it('is DATABASE_URL, else embedded in development and test, else an error', () => {
    const url = 'postgres://u:p@h/d';
    expect(of({}, { DATABASE_URL: url, NODE_ENV: 'test' })).toEqual({
      kind: 'server',
      server: { connectionString: url },
    });
    expect(of({}, { DATABASE_URL: '', NODE_ENV: 'test' })).toMatchObject({ kind: 'embedded' });
    expect(of({}, { NODE_ENV: 'development' })).toMatchObject({ kind: 'embedded' });
    for (const variables of [{}, { NODE_ENV: 'production' }, { NODE_ENV: 'staging' }]) {
      expect(faultsOf({}, { env: variables })).toEqual({ database: expect.stringContaining('DATABASE_URL') });
    }
  });

  it('is not taken from the environment where it is given', () => {
    expect(of({ database: 'embedded' }, { DATABASE_URL: 'postgres://h/d' })).toMatchObject({ kind: 'embedded' });
  });

  it('takes every form', () => {
    const dataSource = new DataSource({ type: 'postgres', url: 'postgres://h/d' });
    expect(of({ database: { url: 'postgresql://h/d', ssl: true } })).toEqual({
      kind: 'server',
      server: { connectionString: 'postgresql://h/d', ssl: true },
    });
    const odd = { url: 'postgres://u:a,b@h/d?host=%2Frun&application_name=a,b' };
    expect(of({ database: odd })).toEqual({ kind: 'server', server: { connectionString: odd.url } });
    expect(of({ database: { host: 'h', port: 1, user: 'u', password: 'p', database: 'd' } })).toEqual({
      kind: 'server',
      server: { host: 'h', port: 1, user: 'u', password: 'p', database: 'd' },
    });
    expect(of({ database: { dataSource } })).toEqual({ kind: 'dataSource', dataSource });
    expect(of({ database: { embedded: { dir: '/x', port: 5 } } })).toEqual({ kind: 'embedded', dir: '/x', port: 5 });
    // The server's own default folder, whatever else is said of it: the command line looks there too.
    const byDefault = { kind: 'embedded', dir: undefined };
    expect(of({ database: { embedded: true } })).toEqual({ ...byDefault, port: undefined });
    expect(of({ database: { embedded: { port: 5 } } })).toEqual({ ...byDefault, port: 5 });
  });

  it.each([
    [{ url: 'mysql://h/d' }, 'database.url', /^expected a URL such as postgres:/],
    [{ url: 'not a url' }, 'database.url', /percent-encoded/],
    [{ url: 'postgres://h/d?sslmode=require', ssl: true }, 'database.ssl', /^has no effect beside sslmode in the URL/],
    [{ url: 'postgres://u:p@one:5432,two:5432/d' }, 'database.url', /^expected one server: pg connects to one host/],
    [{ url: 'postgres://one,two/d' }, 'database.url', /^expected one server/],
    [{ url: 'postgres:///d?host=one,two' }, 'database.url', /^expected one server/],
    [{ host: 'one,two' }, 'database.host', /^expected one server/],
    [{ url: 5 }, 'database.url', /^expected a string, got the number 5/],
    [{ url: 'postgres://h/d', host: 'h' }, 'database.host', /cannot stand beside url/],
    [{ url: 'postgres://h/d', embedded: {} }, 'database', /^expected one of url, embedded, got 2/],
    [{ host: '' }, 'database.host', /a host name/],
    [{ host: 'h', port: 70_000 }, 'database.port', /from 1 to 65535/],
    [{ host: 'h', password: 5 }, 'database.password', /^expected a string or a function/],
    [{ host: 'h', ssl: 'yes' }, 'database.ssl', /^expected true, false or/],
    [{}, 'database.url', /without any of them/],
    [{ embedded: { dir: 5 } }, 'database.embedded.dir', /the path of a folder/],
    [{ embedded: { port: 0 } }, 'database.embedded.port', /from 1 to 65535/],
    [{ embedded: 'x' }, 'database.embedded', /^expected an object/],
    [{ dataSource: {} }, 'database.dataSource', /^expected a TypeORM DataSource, got an object/],
    [{ dataSource: { type: 'postgres' } }, 'database.dataSource', /new DataSource\(/],
    [new DataSource({ type: 'postgres' }), 'database', /Did you mean \{ dataSource \}\?/],
  ])('refuses a bad one (%#)', (database, path, message) => {
    expect(faultsOf({ database })).toEqual({ [path]: expect.stringMatching(message) });
  });

  it('takes a replica by the same address, and nothing else', () => {
    const taken = { url: 'postgres://u:p@h/d', ssl: true };
    expect(resolveOptions({ readReplica: taken }, { env }).readReplica).toEqual({
      kind: 'server',
      server: { connectionString: taken.url, ssl: true },
    });
    expect(resolveOptions({ readReplica: { host: 'h' } }, { env }).readReplica?.server).toEqual({ host: 'h' });
  });

  it.each([
    ['postgres://u:hunter2@h/d', 'readReplica', /^expected \{ url \} or pg .* Did you mean \{ url: … \}\?$/],
    [{ url: 'mysql://u:hunter2@h/d' }, 'readReplica.url', /^expected a URL such as postgres:/],
    [{ url: 'postgres://one,two/d' }, 'readReplica.url', /leads to one of them/],
    [{ hst: 'h' }, 'readReplica.hst', /Did you mean "host"\?/],
    [{ dataSource: {}, host: 'h' }, 'readReplica.dataSource', /a server of its own/],
    [{ embedded: true, host: 'h' }, 'readReplica.embedded', /a server of its own/],
    [new DataSource({ type: 'postgres' }), 'readReplica', /got a DataSource$/],
  ])('refuses a bad replica (%#)', (readReplica, path, message) => {
    const faults = faultsOf({ readReplica });
    expect(faults).toMatchObject({ [path]: expect.stringMatching(message) });
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it.each([
    ['postgres://u@/d?host=/run/postgresql', '/run/postgresql'],
    ['postgres:///d?host=/run/postgresql&user=u', '/run/postgresql'],
    ['postgres://u:p@%2Frun%2Fpostgresql/d', '/run/postgresql'],
    ['socket:/run/postgresql?db=d&user=u', '/run/postgresql'],
    ['postgres://u:a b@h/d', 'h'],
  ])('takes what pg takes: %s', (url, host) => {
    expect(of({ database: { url } })).toEqual({ kind: 'server', server: { connectionString: url } });
    expect(resolveTarget({ url }).config).toMatchObject({ host, user: 'u', database: 'd' });
  });

  it('refuses a DataSource of another kind of database', () => {
    const dataSource = { options: { type: 'mysql' }, initialize: () => {}, createQueryRunner: () => {} };
    expect(faultsOf({ database: { dataSource } })).toEqual({
      'database.dataSource': expect.stringContaining(
        `expected a DataSource of type 'postgres', got one of type the string "mysql"`,
      ),
    });
  });

  it.each<[string, unknown, NodeJS.ProcessEnv?]>([
    ['a URL of another database', { database: { url: 'mysql://me:hunter2@h/d' } }],
    ['a URL that cannot be read', { database: { url: 'postgres://me:hunter2#x@h:port/d' } }],
    ['a URL with an @ in its password', { database: { url: 'postgre://me:p@hunter2@h/d' } }],
    ['a URL with the password as a parameter', { database: { url: 'http://h/d?user=me&password=hunter2' } }],
    ['a URL in the place of the object', { database: 'postgres://me:hunter2@h/d' }],
    ['a URL in another option', { schema: 'postgres://me:hunter2@h/d' }],
    ['a URL as a queue', { queues: { 'postgres://me:hunter2@h/d': 5 } }],
    ['DATABASE_URL', {}, { DATABASE_URL: 'mysql://me:hunter2@h/d' }],
    ['connection options', { database: { host: 5, password: 'hunter2', user: 'me' } }],
    ['an unknown key', { database: { host: 'h', passwrd: 'hunter2' } }],
  ])('shows no password of %s', (_what, raw, variables = env) => {
    const text = JSON.stringify(faultsOf(raw, { env: variables }));
    expect(text).not.toContain('hunter2');
  });
});
