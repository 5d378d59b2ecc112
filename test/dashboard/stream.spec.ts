import { request as send, type ClientRequest, type IncomingMessage } from 'node:http';
import { DurableClient, type DurableEvent, Step, Workflow } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { Subject } from 'rxjs';
import { PassThrough } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { Streams } from '../../lib/dashboard/http/streams.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
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

  function listen(query: string, headers: Record<string, string> = {}): Promise<Opened> {
    return new Promise((resolve, reject) => {
      const path = `${running.base}/api/stream?${query}`;
      const asking = send({ host: '127.0.0.1', port: running.port, path, headers, agent: false }, (response) => {
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
