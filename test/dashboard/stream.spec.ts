import { jest } from '@jest/globals';
import { request as send, type ClientRequest, type IncomingMessage } from 'node:http';
import { DatabaseUnavailableError, DurableClient, type DurableEvent, Step, Workflow } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { Subject } from 'rxjs';
import { PassThrough } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { Streams } from '../../lib/dashboard/http/streams.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { type HostKind, type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'quick' })
class QuickWorkflow {
  @Step()
  only() {
    return { ok: true };
  }
}

interface Frame {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** Reads frames until one fits. */
class Frames {
  readonly seen: Frame[] = [];
  private readonly waiting = new Set<() => void>();
  private rest = '';
  ended = false;
  private over: () => void = () => {};
  /** Resolves when nothing more comes. */
  readonly ends = new Promise<void>((resolve) => (this.over = resolve));

  take(text: string): void {
    const parts = (this.rest + text).split('\n\n');
    this.rest = parts.pop() ?? '';
    for (const part of parts) {
      const field = (name: string) =>
        part
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const event = field('event');
      if (event !== undefined) this.seen.push({ event, id: field('id'), data: JSON.parse(field('data') ?? '{}') });
    }
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.over();
    this.wake();
  }

  async until(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.seen.find(fits);
      if (found !== undefined) return found;
      if (this.ended) throw new Error('the stream has ended');
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}

interface Opened {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly frames: Frames;
  close(): void;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

const HOSTS: HostKind[] = [
  { name: 'express', framework: 'express' },
  { name: 'fastify', framework: 'fastify' },
];

describe.each(HOSTS)('the stream on $name', (kind) => {
  let running: RunningApp;
  let client: DurableClient;
  const open = new Set<ClientRequest>();

  beforeEach(async () => {
    const authorize = roles(({ headers }: { headers: Record<string, string> }) => headers['x-role'] ?? 'admin', {
      clerk: ['input.read'],
    });
    running = await startApp(kind, database.url, [DurableDashboardModule.forRoot({ authorize })], {
      providers: [QuickWorkflow],
      workers: true,
    });
    client = running.app.get(DurableClient);
  });
  afterEach(async () => {
    for (const one of open) one.destroy();
    await running.close();
  });

  function listen(query: string, headers: Record<string, string> = {}, { base, port } = running): Promise<Opened> {
    return new Promise((resolve, reject) => {
      const path = `${base}/api/stream?${query}`;
      const asking = send({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        const frames = new Frames();
        response.setEncoding('utf8');
        response.on('data', (text: string) => frames.take(text));
        response.on('error', () => frames.end());
        response.on('close', () => frames.end());
        resolve({ status: response.statusCode ?? 0, headers: response.headers, frames, close: () => asking.destroy() });
      });
      open.add(asking);
      asking.on('error', reject);
      asking.end();
    });
  }

  it('tells what happens, and to whoever comes back what came since', async () => {
    const first = await listen('topics=runs');
    expect([
      first.status,
      first.headers['content-type'],
      first.headers['cache-control'],
      first.headers['x-accel-buffering'],
    ]).toEqual([200, 'text/event-stream; charset=utf-8', 'no-store, no-transform', 'no']);
    const { id } = await client.start(QuickWorkflow, {});
    const begun = await first.frames.until(
      ({ event, data }) => event === 'workflow_started' && data['executionId'] === id,
    );
    await first.frames.until(({ event, data }) => event === 'workflow_completed' && data['executionId'] === id);
    expect(first.frames.seen.some(({ event }) => event.startsWith('step_'))).toBe(false);
    first.close();
    const again = await listen('topics=runs', { 'last-event-id': begun.id ?? '' });
    await again.frames.until(({ event, data }) => event === 'workflow_completed' && data['executionId'] === id);
    expect(again.frames.seen.some(({ event }) => event === 'reset')).toBe(false);
    const other = await listen(`topics=runs&since=${encodeURIComponent('0123456789ab.1')}`);
    await other.frames.until(({ event }) => event === 'reset');
  });

  it('tells the steps of one run, and acts on queues', async () => {
    await running.ask('/api/queues/default/pause', { method: 'POST', body: {} });
    const { id } = await client.start(QuickWorkflow, {});
    const run = await listen(`run=${id}`);
    const queues = await listen('topics=queues,schedules');
    await running.ask('/api/queues/default/resume', { method: 'POST', body: {} });
    expect((await queues.frames.until(({ event }) => event === 'queue')).data).toEqual({ name: 'default' });
    await run.frames.until(({ event }) => event === 'step_completed');
  });

  it('refuses topics that somebody may not see, those there are not, and too many streams', async () => {
    const clerk = { 'x-role': 'clerk' };
    expect((await running.ask('/api/stream?topics=runs', { headers: clerk })).json.error.code).toBe('FORBIDDEN');
    for (const query of [
      '',
      '?topics=steps',
      '?topics=runs&run=019a8f00-0000-7000-8000-000000000001',
      '?run=x',
      '?topics=bulk:',
    ]) {
      expect([query, (await running.ask(`/api/stream${query}`)).json.error.code]).toEqual([query, 'INVALID_INPUT']);
    }
    for (let n = 0; n < 6; n++) expect((await listen('topics=inputs', clerk)).status).toBe(200);
    const seventh = await running.ask('/api/stream?topics=inputs', { headers: clerk });
    expect([seventh.status, seventh.json.error.code]).toEqual([429, 'TOO_MANY_STREAMS']);
  });

  it('ends where the database goes away, is refused until it is back, and then has the page read anew', async () => {
    const network = await startProxy(Number(new URL(database.url).port));
    const own = await startApp(
      kind,
      network.through(database.url),
      [DurableDashboardModule.forRoot({ authorize: () => true })],
      { providers: [QuickWorkflow], workers: true },
    );
    try {
      const [all, other] = [await listen('topics=runs', {}, own), await listen('topics=inputs', {}, own)];
      const before = await own.app.get(DurableClient).start(QuickWorkflow, {});
      const { id = '' } = await all.frames.until(({ data }) => data['executionId'] === before.id);
      await network.down();
      await Promise.all([all.frames.ends, other.frames.ends]);
      const refused = await own.ask('/api/stream?topics=runs');
      expect([refused.status, refused.json.error.code]).toEqual([503, 'DATABASE_UNAVAILABLE']);
      await network.up();
      await until(async () => (await own.ask('/api/runs')).status === 200);
      const again = await listen('topics=runs', { 'last-event-id': id }, own);
      expect(again.status).toBe(200);
      await again.frames.until(({ event }) => event === 'reset');
      const after = await own.app.get(DurableClient).start(QuickWorkflow, {});
      await again.frames.until(({ data, event }) => data['executionId'] === after.id && event === 'workflow_completed');
    } finally {
      await own.close();
      await network.close();
    }
  });

  it('says goodbye when the app is closed, which it does not hold up', async () => {
    const stream = await listen('topics=runs');
    const bye = stream.frames.until(({ event }) => event === 'bye');
    await running.app.close();
    expect((await bye).data).toEqual({});
  });
});

describe('a stream', () => {
  const wants = () => true;
  const event = (n: number) =>
    ({ id: String(n), kind: 'workflow_started', executionId: `run-${n}` }) as unknown as DurableEvent;

  /** Streams of two sources, one after the other, and a reader of the first who has had its one event. */
  async function afterOneEvent() {
    const sources = [new Subject<DurableEvent>(), new Subject<DurableEvent>()];
    let opens = 0;
    const all = () => sources[opens++] ?? new Subject<DurableEvent>();
    const streams = new Streams({ all, workflow: all }, 10);
    const first = opened(streams);
    sources[0]?.next(event(1));
    const { id = '' } = await first.frames.until((frame) => frame.event === 'workflow_started');
    return { streams, sources, first, id };
  }

  function opened(
    streams: Streams,
    rights: () => Promise<string | null> = async () => 'all',
    after: string | null = null,
  ) {
    const response = Object.assign(new PassThrough(), { flushHeaders() {} });
    const frames = new Frames();
    response
      .setEncoding('utf8')
      .on('data', (text: string) => frames.take(text))
      .on('close', () => frames.end());
    streams.answer({ run: null, actor: 'ada', wants, after, rights }).stream?.(response as unknown as ServerResponse);
    return { frames, response };
  }

  it('tells many events in a frame, and numbers it by the last', async () => {
    const source = new Subject<DurableEvent>();
    const streams = new Streams({ all: () => source, workflow: () => source }, 10);
    const { frames } = opened(streams);
    for (let n = 1; n <= 50; n++) source.next(event(n));
    const many = await frames.until((frame) => frame.event === 'many');
    expect(frames.seen.filter((frame) => frame.event === 'workflow_started').length).toBe(20);
    expect(many.data['kinds']).toEqual(['workflow_started']);
    expect((many.data['runs'] as string[]).length).toBe(30);
    expect(many.id).toMatch(/\.50$/);
    streams.close();
  });

  it('says that it is to be read anew where more came than is kept', async () => {
    const source = new Subject<DurableEvent>();
    const streams = new Streams({ all: () => source, workflow: () => source }, 10);
    const { frames, response } = opened(streams);
    source.next(event(1));
    const { id = '' } = await frames.until((frame) => frame.event === 'workflow_started');
    response.destroy();
    for (let n = 0; n < 2_001; n++) source.next(event(n));
    const again = opened(streams, undefined, id);
    expect((await again.frames.until((frame) => frame.event === 'reset')).id).toBeUndefined();
    streams.close();
  });

  it('ends where its source breaks off, and goes on from another', async () => {
    const { streams, sources, first, id } = await afterOneEvent();
    const ended = new Promise((resolve) => first.response.on('end', resolve));
    sources[0]?.error(new Error('lost'));
    await ended;
    const again = opened(streams, undefined, id);
    await again.frames.until((frame) => frame.event === 'reset');
    sources[1]?.next(event(2));
    expect((await again.frames.until((frame) => frame.event === 'workflow_started')).data['id']).toBe('2');
    streams.close();
  });

  it('is to be read anew by who had the last event, but was away longer than anybody listened', async () => {
    const { streams, sources, first, id } = await afterOneEvent();
    const gone = new Promise((resolve) => first.response.on('close', resolve));
    first.response.destroy();
    await gone;
    sources[0]?.complete();
    const again = opened(streams, undefined, id);
    await again.frames.until((frame) => frame.event === 'reset');
    streams.close();
  });

  it('ends at once where there is nothing to listen to, and gives its place back', async () => {
    const over = new Subject<DurableEvent>();
    over.complete();
    const streams = new Streams({ all: () => over, workflow: () => over }, 1);
    for (let n = 0; n < 3; n++) {
      const { response } = opened(streams);
      await new Promise((resolve) => response.on('end', resolve));
    }
    streams.close();
  });

  it.each([
    ['is away', new DatabaseUnavailableError('It is away.')],
    ['refuses the password', Object.assign(new Error('password authentication failed'), { code: '28P01' })],
    ['refuses the statement', Object.assign(new Error('permission denied for schema durable'), { code: '42501' })],
  ])('ends where the database %s twice, and not where it is slow or answers the second time', async (_, away) => {
    const source = new Subject<DurableEvent>();
    const slow = Object.assign(new DatabaseUnavailableError('It is slow.'), { code: 'TOO_SLOW' });
    const answers = [away, null, slow, slow, away, away];
    const ask = async (): Promise<void> => {
      const answer = answers.shift();
      if (answer !== null && answer !== undefined) throw answer;
    };
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance', 'queueMicrotask'] });
    try {
      const streams = new Streams({ all: () => source, workflow: () => source }, 10, ask);
      const { response } = opened(streams);
      for (const left of [4, 3, 2, 0]) {
        expect([left, response.readableEnded]).toEqual([left, false]);
        while (answers.length > left) await jest.advanceTimersByTimeAsync(500);
      }
      const ended = response.readableEnded || new Promise((resolve) => response.on('end', resolve));
      await jest.advanceTimersByTimeAsync(0);
      await ended;
      await expect(streams.refuseWhereAway()).resolves.toBeUndefined();
      answers.push(away);
      await expect(streams.refuseWhereAway()).rejects.toBe(away);
      streams.close();
    } finally {
      jest.useRealTimers();
    }
  });

  it('ends where nothing may be seen any more, and gives its place back', async () => {
    const source = new Subject<DurableEvent>();
    const streams = new Streams({ all: () => source, workflow: () => source }, 1);
    const { response } = opened(streams, async () => null);
    await new Promise((resolve) => response.on('end', resolve));
    expect(() => opened(streams)).not.toThrow();
    expect(() => opened(streams)).toThrow('too many streams');
    streams.close();
    expect(() => opened(streams)).toThrow('too many streams');
  });
});
