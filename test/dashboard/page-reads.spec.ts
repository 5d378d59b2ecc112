import { jest } from '@jest/globals';

/** What the pages read anew, and which time they go by, on a server of which each test says what it answers. */

/** In a browser's words, which the compiler has no types for here. */
const pages = (name: string): Promise<never> => import(`../../lib/dashboard/ui/src/lib/${name}.js`) as Promise<never>;

interface Query {
  queryKey: string[];
  queryFn(context: { signal: AbortSignal }): Promise<unknown>;
}
interface Client {
  fetchQuery(query: Query & { staleTime?: number }): Promise<unknown>;
  getQueryData(key: string[]): unknown;
  clear(): void;
}
interface Observing {
  subscribe(listener: () => void): () => void;
}

const { queryClient, refresh }: { queryClient: Client; refresh(...keys: string[]): void } = await pages('query');
const { QueryObserver } = (await import('@tanstack/react-query')) as unknown as {
  QueryObserver: new (client: Client, query: Query) => Observing;
};

beforeAll(() => void Object.assign(globalThis, { document: { baseURI: 'http://localhost/durable/' } }));
afterAll(() => void Reflect.deleteProperty(globalThis, 'document'));

describe('what is read anew', () => {
  const answers: ((value: unknown) => void)[] = [];
  const stopped: AbortSignal[] = [];
  let stop: () => void;

  beforeEach(() => {
    answers.length = 0;
    stopped.length = 0;
    stop = new QueryObserver(queryClient, {
      queryKey: ['runs', 'list'],
      queryFn: ({ signal }) => {
        stopped.push(signal);
        return new Promise((resolve) => answers.push(resolve));
      },
    }).subscribe(() => {});
  });
  afterEach(() => {
    stop();
    queryClient.clear();
  });

  /** Once all that was set off has come to rest. */
  const rest = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0));
  const seen = () => queryClient.getQueryData(['runs', 'list']);

  it('comes to its end though something happens meanwhile, and is read once more then', async () => {
    answers[0]?.('first');
    await rest();
    for (let n = 0; n < 5; n++) {
      refresh('runs');
      await rest();
    }
    expect(answers).toHaveLength(2);
    answers[1]?.('second');
    await rest();
    expect([seen(), answers.length, stopped.map(({ aborted }) => aborted)]).toEqual([
      'second',
      3,
      [false, false, false],
    ]);
    answers[2]?.('third');
    await rest();
    expect([seen(), answers.length]).toEqual(['third', 3]);
  });

  it('is read once more also where it was under way for the first time', async () => {
    refresh('runs');
    answers[0]?.('first');
    await rest();
    expect(answers).toHaveLength(2);
  });

  it('is read once where it was at rest', async () => {
    answers[0]?.('first');
    await rest();
    refresh('runs', 'inputs');
    answers[1]?.('second');
    await rest();
    expect([seen(), answers.length]).toEqual(['second', 2]);
  });
});

describe('what comes in place of an answer', () => {
  let get: (path: string, params?: object, signal?: AbortSignal) => Promise<unknown>;
  beforeAll(async () => void ({ get } = await pages('api')));
  const failureOf = (asked: Promise<unknown>): Promise<unknown> => asked.catch((error: unknown) => error);
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it.each(['<h1>Sign in</h1>', ''])('is none of ours: %j', async (text) => {
    jest.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.resolve(new Response(text)));
    await expect(get('queues')).rejects.toMatchObject({ status: 200, code: 'NOT_OURS' });
  });

  it('is waited for half a minute, also where it has begun', async () => {
    jest.useFakeTimers();
    const hangs = (signal: AbortSignal | null | undefined): ReadableStream =>
      new ReadableStream({ start: (body) => signal?.addEventListener('abort', () => body.error(signal.reason)) });
    const asked = jest.spyOn(globalThis, 'fetch');
    asked.mockImplementation((_url, { signal } = {}) => {
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const never = failureOf(get('queues'));
    await jest.advanceTimersByTimeAsync(30_000);
    expect(await never).toMatchObject({ status: 0, code: 'NO_ANSWER' });
    asked.mockImplementation((_url, { signal } = {}) => Promise.resolve(new Response(hangs(signal))));
    const half = failureOf(get('queues'));
    await jest.advanceTimersByTimeAsync(30_000);
    expect(await half).toMatchObject({ status: 0, code: 'NO_ANSWER' });
  });

  it('does not come any more where it is not wanted any more', async () => {
    jest.spyOn(globalThis, 'fetch').mockImplementation((_url, { signal } = {}) => {
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const stop = new AbortController();
    const asked = failureOf(get('queues', {}, stop.signal));
    stop.abort();
    expect(await asked).toMatchObject({ name: 'AbortError' });
  });
});

it('goes by the time of the server as it is now, though nothing else has changed about who looks', async () => {
  const { askWho }: { askWho(): Promise<unknown> } = await pages('me');
  const { now }: { now(): number } = await pages('clock');
  let time = Date.UTC(2026, 0, 31);
  const asked = jest.spyOn(globalThis, 'fetch').mockImplementation((_url, { headers } = {}) => {
    const known = new Headers(headers).get('if-none-match') !== null;
    const body = known ? null : JSON.stringify({ actor: 'a', now: new Date(time).toISOString() });
    return Promise.resolve(new Response(body, { status: known ? 304 : 200, headers: { etag: 'W/"the same"' } }));
  });
  for (let minute = 0; minute < 3; minute++) {
    await askWho();
    expect(Math.abs(now() - time)).toBeLessThan(10_000);
    time += 60_000;
  }
  expect(asked).toHaveBeenCalledTimes(3);
  asked.mockRestore();
});
