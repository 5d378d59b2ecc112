import { QueryFailedError } from 'typeorm';
import { decode, encode } from '../../lib/core/codec/codec.js';
import { fromStoredError, toStoredError } from '../../lib/core/codec/error-record.js';

const bytes = (record: unknown): number => Buffer.byteLength(encode(record));
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const hostile = new Proxy(new Error('x'), {
  get: () => {
    throw new Error('get');
  },
  ownKeys: () => {
    throw new Error('ownKeys');
  },
  getPrototypeOf: () => {
    throw new Error('getPrototypeOf');
  },
});

it('keeps name, message, code, stack, causes and own fields', () => {
  const error = Object.assign(new TypeError('bad', { cause: new RangeError('why', { cause: 'text' }) }), {
    code: 'E_BAD',
    at: new Date(5),
    detail: { list: [1n] },
  });
  expect(toStoredError(error)).toEqual({
    name: 'TypeError',
    message: 'bad',
    code: 'E_BAD',
    stack: error.stack,
    at: new Date(5),
    detail: { list: [1n] },
    cause: { name: 'RangeError', message: 'why', stack: expect.any(String), cause: { name: 'Error', message: 'text' } },
  });
});

it('leaves out what HTTP clients hang on errors, in causes too, and what cannot be stored', () => {
  const noise = { request: 1, response: 2, config: 3, headers: 4, socket: 5, fn: () => 1, re: /x/ };
  const error = Object.assign(new Error('x', { cause: Object.assign(new Error('y'), noise) }), noise, { status: 404 });
  const record = toStoredError(error);
  expect(Object.keys(record).sort()).toEqual(['cause', 'message', 'name', 'stack', 'status']);
  expect(Object.keys(record.cause ?? {}).sort()).toEqual(['message', 'name', 'stack']);
});

it('keeps the errors of an AggregateError, and errors in fields, as records', () => {
  const error = Object.assign(new AggregateError([new TypeError('a'), 'b'], 'all failed'), { inner: new Error('c') });
  expect(toStoredError(error)).toMatchObject({
    name: 'AggregateError',
    errors: [{ name: 'TypeError', message: 'a' }, 'b'],
    inner: { name: 'Error', message: 'c' },
  });
});

it('is a copy: what happens to the error later does not change it', () => {
  const detail = { n: 1 };
  const record = toStoredError(Object.assign(new Error('x'), { detail }));
  detail.n = 2;
  expect(record['detail']).toEqual({ n: 1 });
});

it.each<[string, unknown, string]>([
  ['a string', 'boom', 'boom'],
  ['null', null, 'Something that is no Error was thrown: null'],
  ['undefined', undefined, 'Something that is no Error was thrown: undefined'],
  ['a number', 5, 'Something that is no Error was thrown: the number 5'],
  ['a BigInt', 5n, 'Something that is no Error was thrown: a BigInt'],
  ['a symbol', Symbol('x'), 'Something that is no Error was thrown: a symbol'],
  ['a function', () => 1, 'Something that is no Error was thrown: a function'],
  ['an object', { a: 1 }, 'Something that is no Error was thrown: an object'],
  [
    'a getter that throws',
    {
      get message(): string {
        throw new Error('no');
      },
    },
    'Something that is no Error was thrown: an object',
  ],
  ['a revoked proxy', revoked.proxy, 'Something that is no Error was thrown: an object that cannot be read'],
  ['a hostile proxy', hostile, 'Something that is no Error was thrown: an object that cannot be read'],
  ['something like an error', { message: 'almost', name: 3, code: 11000 }, 'almost'],
])('%s can be thrown', (_name, thrown, message) => {
  const record = toStoredError(thrown);
  expect(record).toMatchObject({ name: 'Error', message });
  expect(decode(encode(record))).toEqual(record);
});

it('a thrown object is kept as a field', () => {
  expect(toStoredError({ a: new Date(1) })).toMatchObject({ thrown: { a: new Date(1) } });
  expect(toStoredError({ message: 'm', code: 11000 }).code).toBe('11000');
});

it('circles of causes, fields and errors end', () => {
  const a = new Error('a');
  const b = new Error('b', { cause: a });
  a.cause = b;
  Object.assign(a, { other: b, self: a });
  Object.assign(b, { other: a });
  const record = toStoredError(a);
  expect(record).toMatchObject({ message: 'a', cause: { message: 'b' } });
  expect(bytes(record)).toBeLessThanOrEqual(8192);
  const loop = new AggregateError([], 'loop');
  loop.errors.push(loop);
  expect(toStoredError(loop)).toMatchObject({ errors: [{ message: 'loop' }] });
});

it('a long chain of causes is cut, and many errors in errors end soon', () => {
  let chain = new Error('end');
  for (let i = 0; i < 1000; i++) {
    chain = new Error(`level ${i}`, { cause: chain });
  }
  let depth = 0;
  for (let at = toStoredError(chain).cause; at !== undefined; at = at.cause) {
    depth += 1;
  }
  expect(depth).toBe(8);
  let wide: Error = new Error('leaf');
  for (let i = 0; i < 12; i++) {
    wide = new AggregateError(Array<Error>(10).fill(wide), `wide ${i}`);
  }
  expect(bytes(toStoredError(wide))).toBeLessThanOrEqual(8192);
});

describe('8 kB', () => {
  const withStack = (error: Error, length: number): Error => Object.assign(error, { stack: 'at '.repeat(length / 3) });

  it('a long stack is cut first, fields and message stay', () => {
    const record = toStoredError(withStack(Object.assign(new Error('message'), { detail: 'd'.repeat(3000) }), 90_000));
    expect(record.stack?.length).toBe(3000);
    expect(record).toMatchObject({ message: 'message', detail: 'd'.repeat(3000) });
  });

  it('then the largest fields go', () => {
    const fields = { large: 'x'.repeat(5000), medium: 'y'.repeat(4000), small: 'z' };
    const record = toStoredError(Object.assign(new Error('message'), fields));
    expect(record).toMatchObject({ message: 'message', medium: fields.medium, small: 'z' });
    expect(record).not.toHaveProperty('large');
  });

  it('then the message is cut', () => {
    const record = toStoredError(new Error('m'.repeat(1_000_000)));
    expect(record.message).toBe(`${'m'.repeat(3999)}…`);
  });

  it.each(['m', 'é', '🙂', '\0', '\ud800'])('holds for everything at once made of %j', (char) => {
    const text = char.repeat(100_000);
    let error: Error | undefined;
    for (let i = 0; i < 10; i++) {
      error = Object.assign(new Error(text, { cause: error }), { name: text, code: text, stack: text, field: text });
    }
    const record = toStoredError(error);
    expect(bytes(record)).toBeLessThanOrEqual(8192);
    expect(record.message).toContain(char.charAt(0));
  });
});

describe('fromStoredError', () => {
  it('makes an error that is stored as the same record', () => {
    const cause = Object.assign(new RangeError('why'), { limit: 3n });
    const error = Object.assign(new AggregateError([new Error('one')], 'x', { cause }), { code: 'E', at: new Date(1) });
    const record = toStoredError(error);
    const made = fromStoredError(record);
    expect(made).toBeInstanceOf(Error);
    expect(made).toMatchObject({
      name: 'AggregateError',
      message: 'x',
      code: 'E',
      at: new Date(1),
      stack: error.stack,
    });
    expect(made.cause).toBeInstanceOf(Error);
    expect(toStoredError(made)).toEqual(record);
  });

  it('works without a stack and with hostile fields', () => {
    const record = JSON.parse('{"name":"Odd","message":"m","__proto__":{"x":1},"constructor":2}') as never;
    const made = fromStoredError(record);
    expect(made.stack).toBe('Odd: m');
    expect(Object.getPrototypeOf(made)).toBe(Error.prototype);
  });
});

describe("what a database server's answer quotes of rows is left out", () => {
  const answer = {
    code: '23505',
    severity: 'ERROR',
    detail: 'Key (email)=(ada@example.com) already exists.',
    where: 'unnamed portal parameter $1 = ...',
    internalQuery: "SELECT 'secret'",
    table: 'users',
    constraint: 'users_email',
  };
  const driver = Object.assign(new Error('duplicate key value violates unique constraint "users_email"'), answer);

  it('of the driver', () => {
    const { stack, ...record } = toStoredError(driver);
    expect(stack).toEqual(expect.any(String));
    expect(record).toEqual({
      name: 'Error',
      message: 'duplicate key value violates unique constraint "users_email"',
      code: '23505',
      severity: 'ERROR',
      table: 'users',
      constraint: 'users_email',
    });
  });

  it('of TypeORM, which wraps it, and in causes', () => {
    const wrapped = Object.assign(new Error(driver.message), answer, {
      query: 'INSERT INTO users (email) VALUES ($1)',
      parameters: ['ada@example.com'],
      driverError: driver,
    });
    const record = toStoredError(new Error('not saved', { cause: wrapped }));
    expect(record.cause).toMatchObject({ query: 'INSERT INTO users (email) VALUES ($1)', code: '23505' });
    expect(JSON.stringify(record)).not.toContain('ada@example.com');
    expect(JSON.stringify(record)).not.toContain('secret');
  });

  it('of TypeORM where no answer came: the connection was lost, or the query took too long', () => {
    const parameters = ['ada@example.com'];
    const lost = new QueryFailedError(
      'INSERT INTO users (email) VALUES ($1)',
      parameters,
      new Error('read ECONNRESET'),
    );
    const record = toStoredError(lost);
    expect(record).toMatchObject({ name: 'QueryFailedError', message: 'read ECONNRESET', query: lost.query });
    expect(Object.keys(record).sort()).toEqual(['message', 'name', 'query', 'stack']);
    expect(JSON.stringify(toStoredError({ message: 'x', cause: lost, errors: [lost] }))).not.toContain('ada@');
  });

  it.each([
    ['its server', driver],
    ['its driver, which has had no answer', new Error('Connection terminated unexpectedly')],
  ])('of a wrapper that has the query and its parameters, in the message too, around what came of %s', (_, cause) => {
    // As Drizzle throws it.
    const wrapper = Object.assign(
      new Error('Failed query: insert into users values ($1)\nparams: ada@example.com', { cause }),
      {
        query: 'insert into users values ($1)',
        params: ['ada@example.com'],
      },
    );
    const record = toStoredError(wrapper);
    expect(record).toMatchObject({ message: 'Failed query: insert into users values ($1)', query: wrapper.query });
    expect(record.cause).toMatchObject({ message: cause.message });
    expect(JSON.stringify(record)).not.toContain('ada@');
  });

  it('of a wrapper that has the parameters alone', () => {
    expect(toStoredError(Object.assign(new Error('not saved', { cause: driver }), { params: ['ada'], n: 1 }))).toEqual({
      name: 'Error',
      message: 'not saved',
      stack: expect.any(String),
      cause: expect.objectContaining({ code: '23505' }),
      n: 1,
    });
  });

  it('an error of the app keeps parameters that are of no query', () => {
    expect(toStoredError(Object.assign(new Error('x\nparams: 1'), { params: [1] }))).toMatchObject({
      message: 'x\nparams: 1',
      params: [1],
    });
  });

  it('an error of the app keeps a field of that name', () => {
    expect(toStoredError(Object.assign(new Error('x'), { code: 'E_FULL', detail: 'why' }))).toMatchObject({
      detail: 'why',
    });
  });
});

describe('the errors of an AggregateError', () => {
  const failed = (message: string, n: number) =>
    Array.from({ length: n }, (_, at) => Object.assign(new Error(message), { code: `E${at}`, at }));

  it('are kept whole where they fit', () => {
    const { errors } = toStoredError(new AggregateError(failed('no answer', 2)));
    const whole = (at: number) => ({
      name: 'Error',
      message: 'no answer',
      code: `E${at}`,
      stack: expect.any(String),
      at,
    });
    expect(errors).toEqual([whole(0), whole(1)]);
  });

  it.each([
    ['many', 20, 'no answer'],
    ['long', 3, 'x'.repeat(5_000)],
  ])('are told by name, code and message where they are %s', (_, n, message) => {
    const record = toStoredError(
      new AggregateError(failed(message, n).map((one) => Object.assign(one, { cause: 'y'.repeat(900) }))),
    );
    const { errors } = record as { errors?: unknown[] };
    expect(errors).toHaveLength(n);
    expect(errors?.[n - 1]).toEqual({
      name: 'Error',
      message: expect.stringMatching(/^(no answer|x{119}…)$/),
      code: `E${n - 1}`,
    });
    expect(Buffer.byteLength(encode(record))).toBeLessThanOrEqual(8_192);
  });
});
