import { jest } from '@jest/globals';
import * as api from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { compileRedaction, NO_REDACTION } from '../../lib/core/redact/redact.js';
import { DurableMetrics } from '../../lib/telemetry/metrics.js';
import { DurableTraces } from '../../lib/telemetry/traces.js';

const exporter = new InMemorySpanExporter();

it('a label has a bounded number of values, however many names are made up', () => {
  const seen = new Set<unknown>();
  const instrument = {
    add: (_: number, labels: api.Attributes) => seen.add(labels['durable.workflow']),
    record: (_: number, labels: api.Attributes = {}) => seen.add(labels['durable.queue']),
  };
  const meter = { createCounter: () => instrument, createHistogram: () => instrument } as unknown as api.Meter;
  const metrics = new DurableMetrics(meter);
  for (let at = 0; at < 10_000; at++) metrics.started(`w${at}`, 1);
  expect(seen.size).toBe(501);
  expect(seen).toContain('other');
  for (let at = 0; at < 10_000; at++) metrics.claimed(`q${at}`, 1, [1, 2]);
  expect(seen.size).toBe(1001);
});

describe('without an SDK', () => {
  it('a segment is not traced at all', () => {
    const traces = new DurableTraces(api, api.trace.getTracer('test'), NO_REDACTION);
    const of = { runId: 'r', workflow: 'w', queue: 'q', parent: null, previous: null, recoveries: 0 };
    expect(traces.segment(of)).toBeNull();
    expect(traces.active()).toBeNull();
  });

  it('what the caller gave is handed on', () => {
    const traces = new DurableTraces(api, api.trace.getTracer('test'), NO_REDACTION);
    const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const of = { runId: 'r', workflow: 'w', queue: 'q', parent, previous: 'no traceparent', recoveries: 0 };
    expect(traces.segment(of)?.traceparent).toBe(parent);
  });
});

it('what is never shown is not in the errors of spans', () => {
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const traces = new DurableTraces(api, provider.getTracer('test'), compileRedaction(['message']));
  const of = { runId: 'r', workflow: 'w', queue: 'q', parent: null, previous: null, recoveries: 0 };
  const segment = traces.segment(of);
  const step = { step: 's', path: 's', type: 'step', round: 1, visit: 1, attempt: 1 };
  segment?.attempt(step, []).end('failed', new Error('card 4111'));
  segment?.end('failed', { name: 'Error', message: 'card 4111' });
  const spans = exporter.getFinishedSpans();
  expect(spans).toHaveLength(2);
  expect(JSON.stringify(spans.map(({ status, events }) => ({ status, events })))).not.toContain('card');
  expect(spans.map(({ status }) => status.message)).toEqual(['Error: [redacted]', 'Error: [redacted]']);
});

describe('the package', () => {
  const opening = async (error: Error) => {
    jest.resetModules();
    jest.unstable_mockModule('@opentelemetry/api', () => {
      throw error;
    });
    const { openTelemetry } = await import('../../lib/telemetry/telemetry.js');
    return openTelemetry(NO_REDACTION);
  };

  it('may be missing: nothing is measured', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(opening(missing)).resolves.toBeUndefined();
  });

  it('is not taken for missing when it cannot be loaded', async () => {
    await expect(opening(new Error('its own fault'))).rejects.toThrow('its own fault');
  });
});
