import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { context, metrics, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import {
  callWorkflow,
  Compensate,
  DurableClient,
  DurableModule,
  type ExecutionStatus,
  Parallel,
  Schedule,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { expectInvariants } from '../support/invariants.js';
import pg from 'pg';

const exporter = new InMemorySpanExporter();

class Reader extends MetricReader {
  protected override onForceFlush = async (): Promise<void> => {};
  protected override onShutdown = async (): Promise<void> => {};
}
const reader = new Reader();

/** What each step found to be the active span. */
const active = new Map<string, string | undefined>();
const note = (step: string): void => void active.set(step, trace.getActiveSpan()?.spanContext().spanId);

@Workflow({ name: 'inner' })
class InnerWorkflow {
  @Step()
  inside() {
    note('inside');
  }
}

@Workflow({ name: 'outer' })
class OuterWorkflow {
  @Step()
  async first() {
    await Promise.resolve();
    note('first');
  }

  @Step()
  async waits() {
    await waitForEvent('go');
    note('waits');
  }

  @Step()
  async calls() {
    await callWorkflow(InnerWorkflow, {}, { ref: 'one' });
  }

  @Step({ queue: 'else' })
  elsewhere() {
    note('elsewhere');
  }

  @Parallel(['left', 'right'])
  both() {}

  @Step()
  async left() {
    await new Promise((resolve) => setImmediate(resolve));
    note('left');
  }

  @Step()
  async right() {
    await new Promise((resolve) => setImmediate(resolve));
    note('right');
  }
}

@Workflow({ name: 'broken' })
class BrokenWorkflow {
  @Step({ compensate: 'undo' })
  done() {}

  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  breaks() {
    throw new TypeError('it is broken');
  }

  @Compensate()
  undo() {
    note('undo');
  }
}

/** A processor of the app's that throws, while it is told to. */
class BrokenProcessor {
  static breaks = '';

  onStart(span: { readonly name?: string }): void {
    if (span.name === BrokenProcessor.breaks) throw new Error('the span processor broke');
  }

  onEnd(): void {}
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

let beside = 0;

@Workflow({ name: 'beside' })
class BesideWorkflow {
  @Parallel(['one', 'other'])
  fan() {}

  @Step()
  one() {}

  @Step()
  other() {
    beside++;
  }
}

@Workflow({ name: 'nightly' })
@Schedule({ name: 'nightly', cron: '0 0 1 1 *' })
class NightlyWorkflow {
  @Step()
  work() {}
}

let database: TestDatabase;
let app: INestApplicationContext;
let client: DurableClient;
let dataSource: DataSource;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter), new BrokenProcessor()] }),
  );
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  database = await createTestDatabase();
  dataSource = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { dataSource }, queues: { default: {}, else: {} } })],
    providers: [InnerWorkflow, OuterWorkflow, BrokenWorkflow, NightlyWorkflow, BesideWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
});

beforeEach(() => {
  exporter.reset();
  active.clear();
});

afterAll(async () => {
  await app.close();
  await dataSource.destroy();
  const pool = new pg.Pool({ connectionString: database.url });
  await expectInvariants(pool, { records: 10 });
  await pool.end();
  for (const api of [context, trace, metrics]) api.disable();
});

/** Runs something as part of a span of its own, as a request of an instrumented server is. */
async function inSpan<T>(name: string, work: () => Promise<T>): Promise<{ span: Span; result: T }> {
  const span = trace.getTracer('test').startSpan(name);
  const result = await context.with(trace.setSpan(context.active(), span), work);
  span.end();
  return { span, result };
}

/** Spans that have ended, once there are as many of each of these names; a span ends a moment after its commit. */
async function spansOf(...names: string[]): Promise<ReadableSpan[]> {
  const wanted = new Map<string, number>();
  for (const name of names) wanted.set(name, (wanted.get(name) ?? 0) + 1);
  for (;;) {
    const spans = exporter.getFinishedSpans();
    const has = (name: string): number => spans.filter((one) => one.name === name).length;
    if ([...wanted].every(([name, times]) => has(name) >= times)) return spans;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function until(id: string, status: ExecutionStatus): Promise<void> {
  while ((await client.getExecution(id))?.status !== status) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The time in which a worker has held the run, in order. */
function segmentsOf(spans: readonly ReadableSpan[], runId: string): ReadableSpan[] {
  const own = (span: ReadableSpan): boolean => span.attributes['durable.workflow.id'] === runId;
  return spans
    .filter((span) => span.name.startsWith('workflow ') && own(span))
    .toSorted((a, b) => compare(a.startTime, b.startTime));
}

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}

function only(spans: readonly ReadableSpan[], name: string): ReadableSpan {
  const [found, second] = spans.filter((span) => span.name === name);
  if (found === undefined || second !== undefined) throw new Error(`Not one span "${name}"`);
  return found;
}

const linksOf = (span: ReadableSpan): string[] => span.links.map((link) => link.context.spanId);
const idOf = (span: { spanContext(): { spanId: string } }): string => span.spanContext().spanId;

it('a tracer that throws where an arm begins pauses the run, and no other arm begins', async () => {
  BrokenProcessor.breaks = 'step one';
  const run = await client.start(BesideWorkflow, {});
  await until(run.id, 'paused');
  expect(beside).toBe(0);
  BrokenProcessor.breaks = '';
  await run.resume();
  await run.result();
  expect(beside).toBe(1);
});

describe('traces', () => {
  it('carry the caller into every segment, step, child and queue, and link across waits', async () => {
    const request = await inSpan('POST /orders', () => client.start(OuterWorkflow, {}));
    const run = request.result;
    await until(run.id, 'waiting');
    const webhook = await inSpan('POST /webhook', () => run.sendEvent('go'));
    await run.result();

    const names = ['first', 'waits', 'waits', 'calls', 'calls', 'inside', 'elsewhere', 'left', 'right', 'both'];
    const spans = await spansOf(...names.map((name) => `step ${name}`), 'workflow inner', 'workflow outer');
    const { traceId } = request.span.spanContext();
    const ours = spans.filter((span) => span.name.startsWith('step ') || span.name.startsWith('workflow '));
    expect(ours.map((span) => span.spanContext().traceId)).toEqual(ours.map(() => traceId));

    const segments = segmentsOf(spans, run.id).filter((span) => span.attributes['durable.queue'] === 'default');
    expect(segments.length).toBeGreaterThanOrEqual(3);
    for (const [at, segment] of segments.entries()) {
      expect(segment.parentSpanContext?.spanId).toBe(idOf(request.span));
      const before = segments[at - 1];
      expect(linksOf(segment)).toEqual(before === undefined ? [] : [idOf(before)]);
    }
    const outcomes = segments.map((span) => span.attributes['durable.outcome']);
    expect(outcomes).toEqual([...segments.slice(1).map(() => 'waiting'), 'completed']);

    const passes = spans.filter((span) => span.name === 'step waits');
    expect(passes.map((span) => span.attributes['durable.outcome'])).toEqual(['waiting', 'completed']);
    expect(passes.map(linksOf)).toEqual([[], [idOf(webhook.span)]]);
    expect(passes[0]?.parentSpanContext?.spanId).toBe(idOf(segments[0] as ReadableSpan));

    const call = spans.find((span) => span.name === 'step calls') as ReadableSpan;
    expect(only(spans, 'workflow inner').parentSpanContext?.spanId).toBe(idOf(call));
    for (const step of ['first', 'inside', 'elsewhere', 'left', 'right']) {
      expect([step, active.get(step)]).toEqual([step, idOf(only(spans, `step ${step}`))]);
    }
    expect(active.get('waits')).toBe(idOf(passes[1] as ReadableSpan));
    expect(only(spans, 'step first').attributes).toMatchObject({
      'durable.workflow.id': run.id,
      'durable.workflow.name': 'outer',
      'durable.step.path': 'first',
      'durable.step.attempt': 1,
    });
  });

  it('are of their own where nothing around the start is traced, and stay one', async () => {
    const run = await client.start(OuterWorkflow, {});
    await until(run.id, 'waiting');
    await dataSource.transaction((manager) => inSpan('within', () => run.sendEvent('go', 1, { manager })));
    await run.result();
    const spans = await spansOf('step both', 'workflow outer', 'workflow outer', 'workflow outer');
    const segments = segmentsOf(spans, run.id);
    expect(segments[0]?.parentSpanContext).toBeUndefined();
    expect(new Set(segments.map((span) => span.spanContext().traceId)).size).toBe(1);
    const sender = only(spans, 'within');
    expect(spans.filter((span) => span.name === 'step waits').map(linksOf)).toEqual([[], [idOf(sender)]]);
    expect(sender.spanContext().traceId).not.toBe(segments[0]?.spanContext().traceId);
  });

  it('show what failed, its retries and its compensation', async () => {
    const run = await client.start(BrokenWorkflow, {});
    await expect(run.result()).rejects.toThrow('it is broken');
    const spans = await spansOf('step undo', 'workflow broken');
    const attempts = spans.filter((span) => span.name === 'step breaks');
    expect(attempts.map((span) => span.attributes['durable.step.attempt'])).toEqual([1, 2]);
    for (const span of attempts) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'TypeError: it is broken' });
      expect(span.events).toMatchObject([{ name: 'exception', attributes: { 'exception.type': 'TypeError' } }]);
    }
    expect(active.get('undo')).toBe(idOf(only(spans, 'step undo')));
    const last = segmentsOf(spans, run.id).at(-1);
    expect(last?.status).toMatchObject({ code: SpanStatusCode.ERROR });
    expect(last?.attributes['durable.outcome']).toBe('compensated');
  });

  it('follow a retry, a restart, a run in a batch or with a key, and a triggered schedule', async () => {
    const first = await client.start(BrokenWorkflow, {});
    await first.result().catch(() => {});
    const night = await client.start(NightlyWorkflow, {});
    await night.result();
    exporter.reset();
    const { span, result } = await inSpan('POST /all', () =>
      Promise.all([
        client.retry(first.id),
        client.restartFrom(night.id, 'work'),
        client.startMany(NightlyWorkflow, [{ input: {} }]).then(([run]) => run),
        client.start(NightlyWorkflow, {}, { idempotencyKey: 'once' }),
        client.triggerSchedule('nightly'),
        dataSource.transaction((manager) => client.start(NightlyWorkflow, {}, { manager })),
      ]),
    );
    for (const run of result) await run?.result().catch(() => {});
    const spans = await spansOf('workflow broken', ...Array.from({ length: 5 }, () => 'workflow nightly'));
    const parents = result.map((run) => segmentsOf(spans, run?.id ?? '')[0]?.parentSpanContext?.spanId);
    expect(parents).toEqual(result.map(() => idOf(span)));
  });
});

interface Point {
  readonly attributes: Record<string, unknown>;
  readonly value: unknown;
}

async function points(name: string): Promise<readonly Point[]> {
  const { resourceMetrics } = await reader.collect();
  const found = resourceMetrics.scopeMetrics
    .flatMap((scope) => scope.metrics)
    .find((one) => one.descriptor.name === name);
  return found?.dataPoints ?? [];
}

/** The value of a counter, or how many a histogram has taken, with these labels. */
async function count(name: string, labels: Record<string, string> = {}): Promise<number> {
  const fits = ({ attributes }: Point): boolean =>
    Object.entries(labels).every(([key, value]) => attributes[key] === value);
  const numbers = (await points(name)).filter(fits).map(({ value }) => {
    return typeof value === 'number' ? value : (value as { count: number }).count;
  });
  return numbers.reduce((sum, one) => sum + one, 0);
}

describe('metrics', () => {
  it('count starts and ends, and time steps, claims and the lag', async () => {
    const inner = { 'durable.workflow': 'inner' };
    const nightly = { 'durable.workflow': 'nightly' };
    const step = { 'durable.step': 'breaks', 'durable.status': 'failed', 'durable.type': 'step' };
    const look = async () => ({
      inner: await count('durable.workflow.started', inner),
      nightly: await count('durable.workflow.started', nightly),
      completed: await count('durable.workflow.ended', { ...nightly, 'durable.status': 'completed' }),
      cancelled: await count('durable.workflow.ended', { 'durable.workflow': 'outer', 'durable.status': 'cancelled' }),
      compensated: await count('durable.workflow.ended', { 'durable.status': 'compensated' }),
      breaks: await count('durable.step.duration', step),
      claims: await count('durable.claim.duration', { 'durable.queue': 'default' }),
      lag: await count('durable.queue.lag', { 'durable.queue': 'default' }),
      commits: await count('durable.commit.size'),
    });
    const before = await look();
    await Promise.all((await client.startMany(NightlyWorkflow, [{ input: {} }, { input: {} }])).map((r) => r.result()));
    const broken = await client.start(BrokenWorkflow, {});
    await broken.result().catch(() => {});
    const outer = await client.start(OuterWorkflow, {});
    await until(outer.id, 'waiting');
    await outer.cancel();
    const second = await client.start(OuterWorkflow, {});
    await second.sendEvent('go');
    await second.result();
    const after = await look();
    expect(after.inner - before.inner).toBe(1);
    expect(after.nightly - before.nightly).toBe(2);
    expect(after.completed - before.completed).toBe(2);
    expect(after.cancelled - before.cancelled).toBe(1);
    expect(after.compensated - before.compensated).toBe(1);
    expect(after.breaks - before.breaks).toBe(2);
    expect(after.claims - before.claims).toBeGreaterThanOrEqual(1);
    expect(after.lag - before.lag).toBeGreaterThanOrEqual(2);
    expect(after.commits - before.commits).toBeGreaterThanOrEqual(3);
  });

  it('count runs that a dead worker has left behind', async () => {
    const before = await count('durable.recoveries');
    const run = await client.start(InnerWorkflow, {}, { delay: 3_600_000 });
    const pool = new pg.Pool({ connectionString: database.url });
    // As a worker leaves its row that was found dead in the middle of its first step.
    await pool.query(
      `WITH dead AS (
         INSERT INTO durable.workers (host, pid, version, queues, definitions, expires_at, dead_at)
         VALUES ('gone', 1, '0', '{default}', '{}', now(), now()) RETURNING id
       )
       UPDATE durable.workflow_queue q
       SET state = 'running', worker_id = dead.id, token = 1, started_at = now(), due_at = now()
       FROM dead WHERE q.id = $1`,
      [run.id],
    );
    await pool.end();
    await client.sweep();
    await run.result();
    expect((await count('durable.recoveries')) - before).toBe(1);
    const [span] = segmentsOf(await spansOf('workflow inner'), run.id).slice(-1);
    expect(span?.attributes['durable.recoveries']).toBe(1);
  });
});
