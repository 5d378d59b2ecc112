import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { DurableEvent, QueueStatus, WorkerInfo } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';

const before = process.env['DATABASE_URL'];
let app: INestApplication;
let url: string;

beforeAll(async () => {
  process.env['DATABASE_URL'] = (await createTestDatabase()).url;
  const { AppModule } = await import('../../sample/12-operations/src/app.module.js');
  app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

afterAll(() => {
  if (before === undefined) delete process.env['DATABASE_URL'];
  else process.env['DATABASE_URL'] = before;
});

const get = async <T>(path: string): Promise<T> => (await (await fetch(url + path)).json()) as T;

async function post(path: string, body: object = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function send(weight: number): Promise<string> {
  const { id } = (await (await post('/parcels', { address: 'Main St 1', weight })).json()) as { id: string };
  return id;
}

/** The events of a parcel as they come over the stream, until its last one; `onEvent` is told of each. */
async function follow(
  begin: () => Promise<string>,
  onEvent: (event: DurableEvent) => Promise<void>,
): Promise<string[]> {
  const leaving = new AbortController();
  const response = await fetch(`${url}/events`, { signal: leaving.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const run = await begin();
  const kinds: string[] = [];
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const data = /^data: (.*)$/m.exec(message)?.[1];
      if (data === undefined) continue;
      const event = JSON.parse(data) as DurableEvent;
      expect(message).toContain(`event: ${event.kind}`);
      if (event.executionId !== run) continue;
      kinds.push(event.kind);
      await onEvent(event);
    }
    if (kinds.includes('workflow_completed')) break;
  }
  leaving.abort();
  return kinds;
}

it('streams what happens to a parcel, from its start to its delivery', async () => {
  const kinds = await follow(
    () => send(2),
    async ({ kind, executionId }) => {
      if (kind !== 'workflow_waiting') return;
      // The courier's device says it twice.
      for (let times = 0; times < 2; times++) {
        expect((await post(`/parcels/${executionId}/delivered`, { signedBy: 'Ada' })).status).toBe(202);
      }
    },
  );
  expect(kinds.filter((kind) => kind === 'event_received')).toHaveLength(1);
  expect(kinds.at(-1)).toBe('workflow_completed');
});

it('says that it lives and that it is ready', async () => {
  expect(await get('/health/live')).toMatchObject({ status: 'ok', info: { durable: { status: 'up' } } });
  expect(await get('/health/ready')).toMatchObject({ status: 'ok', info: { durable: { status: 'up' } } });
});

it('serves its metrics to Prometheus', async () => {
  await send(31);
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    if (/^durable_workflow_ended_total\{.*durable_status="failed"/m.test(text)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  expect(text).toMatch(/^durable_workflow_started_total\{.*durable_workflow="parcel".*\} [2-9]/m);
  expect(text).toMatch(/^durable_workflow_ended_total\{.*durable_status="completed".*\} 1/m);
  expect(text).toMatch(/^durable_step_duration_count\{.*durable_step="label".*durable_status="failed".*\} 3/m);
  expect(text).toMatch(/^durable_commit_size_count\{?.*\}? \d+/m);
});

it('pauses and resumes a queue, and shows its workers', async () => {
  expect(await (await post('/queues/default/pause')).text()).toBe('true');
  expect(await get<QueueStatus[]>('/queues')).toMatchObject([{ name: 'default', paused: true }]);
  expect(await (await post('/queues/default/resume')).text()).toBe('true');
  const workers = await get<WorkerInfo[]>('/workers');
  expect(workers).toMatchObject([{ queues: ['default'] }]);
});

it('ends its streams when it is shut down, so that they do not keep it', async () => {
  const response = await fetch(`${url}/events`);
  const [rest] = await Promise.all([response.text(), app.close()]);
  expect(rest).not.toContain('event: workflow_failed');
});
