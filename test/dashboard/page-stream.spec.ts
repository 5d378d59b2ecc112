import { jest } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';

/** The stream of the pages, on a server of which each test says what it answers. */

interface PageStream {
  start(): void;
  close(): void;
  retryNow(): void;
}

interface Client {
  invalidateQueries(filter?: { queryKey: string[] }): Promise<void>;
}

/** In a browser's words, which the compiler has no types for here. */
const pages = (name: string): Promise<never> => import(`../../lib/dashboard/ui/src/lib/${name}.js`) as Promise<never>;

const { Stream, live }: { Stream: new (params: object) => PageStream; live: { get(): { state: string } } } =
  await pages('stream');
const { queryClient }: { queryClient: Client } = await pages('query');

/** One stream that a page has asked for. */
class Asked {
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly response: Response;
  cancelled = false;

  constructor(
    readonly lastId: string | null,
    signal: AbortSignal,
    status: number,
  ) {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.controller = controller) });
    signal.addEventListener('abort', () => {
      this.cancelled = true;
      this.controller.error(signal.reason);
    });
    this.response = new Response(body, { status, headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  }

  write(text: string): void {
    this.controller.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.controller.close();
  }

  breakOff(): void {
    this.controller.error(new TypeError('network error'));
  }
}

const BEGIN = 'retry: 2000\n\n';
const SIGN = ':\n\n';
const frame = (n: number): string => `id: boot.${n}\nevent: workflow_started\ndata: {}\n\n`;

const asked: Asked[] = [];
let status = 200;
let isThere = true;
let stream: PageStream;
const refreshed = jest.spyOn(queryClient, 'invalidateQueries').mockResolvedValue(undefined);

/** Keys of what was read anew. */
const readAnew = (): unknown[] => refreshed.mock.calls.map(([filter]) => filter?.queryKey[0]);
/** Times that all that the page shows was read anew. */
const anew = (): number => refreshed.mock.calls.filter(([filter]) => filter === undefined).length;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  asked.length = 0;
  status = 200;
  isThere = true;
  refreshed.mockClear();
  Object.assign(globalThis, { document: { baseURI: 'http://localhost/durable/' } });
  jest.spyOn(globalThis, 'fetch').mockImplementation((_url, { headers, signal } = {}) => {
    if (!isThere) return Promise.reject(new TypeError('fetch failed'));
    const one = new Asked(new Headers(headers).get('last-event-id'), signal as AbortSignal, status);
    asked.push(one);
    return Promise.resolve(one.response);
  });
  stream = new Stream({ topics: 'runs' });
});

afterEach(() => {
  stream.close();
  jest.mocked(fetch).mockRestore();
  jest.useRealTimers();
  Reflect.deleteProperty(globalThis, 'document');
});

/** Lets time pass, and what comes of it happen. */
async function pass(ms: number): Promise<void> {
  for (let n = 0; n < 10; n++) await setImmediate();
  await jest.advanceTimersByTimeAsync(ms);
  for (let n = 0; n < 10; n++) await setImmediate();
}

async function newest(): Promise<Asked> {
  await pass(0);
  const one = asked.at(-1);
  if (one === undefined) throw new Error('no stream was asked for');
  return one;
}

/** A stream that is there, and has been for a while. */
async function steady(): Promise<Asked> {
  stream.start();
  const one = await newest();
  one.write(BEGIN);
  await pass(6_000);
  one.write(SIGN);
  await pass(0);
  expect(live.get().state).toBe('live');
  refreshed.mockClear();
  return one;
}

it('is live once anything comes through, and has read anew what was read before it began', async () => {
  stream.start();
  const one = await newest();
  one.write(BEGIN);
  await pass(0);
  expect([live.get().state, anew()]).toEqual(['live', 1]);
  one.write(frame(1));
  await pass(1_000);
  expect(readAnew()).toContain('runs');
});

it('makes anew what changes once a second, and figures once in five while something happens all the time', async () => {
  const one = await steady();
  const times = (key: string): number => refreshed.mock.calls.filter(([filter]) => filter?.queryKey[0] === key).length;
  one.write(frame(1));
  await pass(1_000);
  // What happens now and then is shown at once.
  expect([times('runs'), times('overview'), times('count')]).toEqual([1, 1, 1]);
  for (let n = 2; n <= 11; n++) {
    one.write(frame(n));
    await pass(1_000);
  }
  expect([times('runs'), times('overview'), times('count')]).toEqual([11, 3, 3]);
  // The last of them is not forgotten.
  one.write(frame(12));
  await pass(1_000);
  expect([times('runs'), times('overview')]).toEqual([12, 3]);
  await pass(4_000);
  expect([times('runs'), times('overview')]).toEqual([12, 4]);
});

it('has everything read anew where it had no event yet and comes back', async () => {
  const one = await steady();
  one.end();
  await pass(500);
  expect([asked.length, (await newest()).lastId, anew()]).toEqual([2, null, 1]);
});

it('says which event it had last, and reads nothing anew, where it ended well', async () => {
  const one = await steady();
  one.write(frame(7));
  await pass(0);
  one.end();
  await pass(500);
  expect([asked.length, (await newest()).lastId, anew()]).toEqual([2, 'boot.7', 0]);
});

it.each([
  ['it was cut', (one: Asked) => one.breakOff()],
  ['it is tried anew', () => stream.retryNow()],
])('has everything read anew where %s, event or not', async (_, cut) => {
  const one = await steady();
  one.write(frame(7));
  await pass(0);
  cut(one);
  await pass(1_000);
  expect([asked.length, (await newest()).lastId, anew()]).toEqual([2, 'boot.7', 1]);
});

it('goes on telling what happens after it was tried anew', async () => {
  const one = await steady();
  one.write(frame(7));
  await pass(0);
  stream.retryNow();
  (await newest()).write(frame(8));
  await pass(1_000);
  expect(readAnew()).toContain('runs');
});

it('that ends at once again and again is none: the page polls, and asks less and less', async () => {
  stream.start();
  for (const [at, wait] of [1_000, 1_000, 5_000, 10_000, 20_000].entries()) {
    const one = await newest();
    one.write(BEGIN);
    await pass(100);
    one.end();
    await pass(0);
    expect([at, live.get().state]).toEqual([at, at < 2 ? 'live' : 'polling']);
    await pass(wait - 1);
    expect(asked).toHaveLength(at + 1);
    await pass(1);
    expect(asked).toHaveLength(at + 2);
  }
  // One that stays is one again.
  const one = await newest();
  one.write(BEGIN);
  await pass(5_000);
  one.write(SIGN);
  await pass(0);
  one.breakOff();
  await pass(1_000);
  expect([live.get().state, asked.length]).toEqual(['live', 7]);
});

it('that the server ends with a goodbye has not failed, however soon', async () => {
  stream.start();
  for (let n = 1; n < 6; n++) {
    const one = await newest();
    one.write(`${BEGIN}event: bye\ndata: {}\n\n`);
    await pass(0);
    one.end();
    await pass(500);
    expect([live.get().state, asked.length]).toEqual(['live', n + 1]);
  }
});

it('that is there for long and ends has not failed', async () => {
  stream.start();
  for (let n = 1; n < 6; n++) {
    const one = await newest();
    one.write(BEGIN);
    for (let seconds = 0; seconds < 1_800; seconds += 15) {
      await pass(15_000);
      one.write(SIGN);
    }
    await pass(0);
    one.end();
    await pass(500);
    expect([live.get().state, asked.length, one.cancelled]).toEqual(['live', n + 1, false]);
  }
});

it('without a sign of life for 45 s is cut, given up and asked for again', async () => {
  const one = await steady();
  await pass(44_999);
  expect([one.cancelled, asked.length]).toEqual([false, 1]);
  await pass(1);
  expect(one.cancelled).toBe(true);
  await pass(1_000);
  expect([asked.length, anew()]).toEqual([2, 1]);
});

it('of which nothing ever comes through is none: the page polls, and says nothing else', async () => {
  const one = await steady();
  one.breakOff();
  await pass(1_000);
  for (let n = 2; n <= 3; n++) {
    await pass(45_000);
    await pass(1_000);
  }
  expect(live.get().state).toBe('polling');
  const before = asked.length;
  await pass(5_000);
  await pass(30_000);
  expect([live.get().state, asked.length - before]).toEqual(['polling', 1]);
});

it('says that it is refused, asks again once a minute, and is there when it may be', async () => {
  status = 403;
  stream.start();
  await pass(0);
  expect([live.get().state, asked.length]).toEqual(['refused', 1]);
  expect(readAnew()).toContain('me');
  await pass(59_999);
  expect(asked).toHaveLength(1);
  await pass(1);
  expect([live.get().state, asked.length]).toEqual(['refused', 2]);
  status = 200;
  await pass(60_000);
  refreshed.mockClear();
  (await newest()).write(BEGIN);
  await pass(0);
  expect([live.get().state, asked.length]).toEqual(['live', 3]);
});

it('is asked for by nobody once it was closed, also where it fails at that', async () => {
  isThere = false;
  stream.start();
  await pass(0);
  isThere = true;
  stream.close();
  await pass(120_000);
  expect(asked).toEqual([]);
});
