import vm from 'node:vm';

function refuse(): never {
  throw new Error('looked at');
}

function withGetter(target: object, key: string): object {
  return Object.defineProperty(target, key, { get: refuse, enumerable: true, configurable: true });
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function cyclic(): Error {
  const [a, b] = [new Error('a'), new Error('b')];
  return Object.assign(a, { cause: Object.assign(b, { cause: a }), self: a });
}

/** Values that are hard to look at, as user code may throw, return or pass them; made anew at each call. */
export const HOSTILE: Readonly<Record<string, () => unknown>> = {
  'an object without a prototype': () => Object.create(null) as object,
  'an object whose toString throws': () => ({ toString: refuse, valueOf: refuse, [Symbol.toPrimitive]: refuse }),
  'an object whose toJSON throws': () => ({ toJSON: refuse }),
  'an object with a getter that throws': () => withGetter({}, 'a'),
  'an object that holds a revoked proxy': () => ({ deep: { list: [revoked({})] } }),
  'a revoked proxy': () => revoked({}),
  'a revoked proxy of an array': () => revoked([]),
  'a revoked proxy of a function': () => revoked(() => {}),
  'a proxy that refuses everything': () =>
    new Proxy(
      {},
      {
        get: refuse,
        set: refuse,
        has: refuse,
        ownKeys: refuse,
        getPrototypeOf: refuse,
        getOwnPropertyDescriptor: refuse,
      },
    ),
  'a proxy of an error': () => new Proxy(new Error('inside'), {}),
  'a proxy of an error that refuses': () => new Proxy(new Error('inside'), { get: refuse, getPrototypeOf: refuse }),
  'an error whose message throws': () => withGetter(new Error('x'), 'message'),
  'an error whose stack throws': () => withGetter(new Error('x'), 'stack'),
  'an error whose name throws': () => withGetter(new Error('x'), 'name'),
  'an error whose code throws': () => withGetter(new Error('x'), 'code'),
  'an error whose cause throws': () => withGetter(new Error('x'), 'cause'),
  'an error whose errors throw': () => withGetter(new AggregateError([], 'x'), 'errors'),
  'an error whose errors are a revoked proxy': () => Object.assign(new Error('x'), { errors: revoked([]) }),
  'an error whose cause is a revoked proxy': () => new Error('x', { cause: revoked({}) }),
  'an error whose name is a symbol': () => Object.assign(new Error('x'), { name: Symbol('n') }),
  'an error whose message is an object': () => Object.assign(new Error('x'), { message: { a: 1 } }),
  'an error of another realm': () => vm.runInNewContext('new TypeError("elsewhere")') as unknown,
  'an error that refers to itself': cyclic,
  'an error with a message of a megabyte': () => new Error('m'.repeat(1_000_000)),
  'an error with NUL and half of a surrogate pair': () => Object.assign(new Error('a\0b\uD800'), { code: 'c\0\uDC00' }),
  'an object without an error in its chain': () => Object.setPrototypeOf({}, null) as object,
  'a symbol': () => Symbol('s'),
  'a function': () => () => 1,
  'a string of a megabyte': () => 's'.repeat(1_000_000),
  undefined: () => undefined,
  null: () => null,
  'a number': () => 42,
  'a BigInt': () => 10n,
};
