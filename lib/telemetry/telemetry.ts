import { isMissingModule } from '../core/missing-module.js';
import type { Redaction } from '../core/redact/redact.js';
import { DurableMetrics } from './metrics.js';
import { DurableTraces } from './traces.js';
import { packageVersion } from './version.js';
import type { Telemetry } from '../engine/ports/telemetry.js';

/** Name of the meter and the tracer. */
const SCOPE = 'nest-durable';

/**
 * Metrics and traces by way of `@opentelemetry/api`, an optional peer: undefined where it is not installed. Where no SDK
 * is registered with it, its calls do nothing. To be called when the app's SDK is registered: a meter that was made
 * before stays without effect.
 */
export async function openTelemetry(redact: Redaction): Promise<Telemetry | undefined> {
  const api = await load();
  if (api === null) return undefined;
  const version = packageVersion();
  const metrics = new DurableMetrics(api.metrics.getMeter(SCOPE, version));
  const traces = new DurableTraces(api, api.trace.getTracer(SCOPE, version), redact);
  return {
    active: () => traces.active(),
    segment: (of) => traces.segment(of),
    started: (workflow, count) => metrics.started(workflow, count),
    ended: (workflow, status) => metrics.ended(workflow, status),
    attempted: (attempt) => metrics.attempted(attempt),
    claimed: (queue, tookMs, lagsMs) => metrics.claimed(queue, tookMs, lagsMs),
    committed: (size) => metrics.committed(size),
    lost: (rows) => metrics.lost(rows),
    recovered: (rows) => metrics.recovered(rows),
    reconciled: (what, runs) => metrics.reconciled(what, runs),
  };
}

async function load(): Promise<typeof import('@opentelemetry/api') | null> {
  try {
    return await import('@opentelemetry/api');
  } catch (error) {
    if (isMissingModule(error)) return null;
    throw error;
  }
}
