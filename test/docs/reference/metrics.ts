import type { Meter } from '@opentelemetry/api';
import { DurableMetrics } from '../../../lib/telemetry/metrics.js';
import { code, headOf, table } from './source.js';

interface Metric {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly said: string;
  readonly labels: Set<string>;
}

/** docs/reference/metrics.md: what is reported, as a meter hears of it. */
export function metricsPage(): string {
  const metrics: Metric[] = [];
  const instrument =
    (kind: string) =>
    (name: string, { description = '', unit = '' }: { description?: string; unit?: string } = {}): object => {
      const metric = { name, kind, unit, said: description, labels: new Set<string>() };
      metrics.push(metric);
      const hear = (_: number, labels: object = {}): void => Object.keys(labels).forEach((one) => metric.labels.add(one));
      return { add: hear, record: hear };
    };
  const meter = { createCounter: instrument('counter'), createHistogram: instrument('histogram') };
  tellAll(new DurableMetrics(meter as unknown as Meter));
  const rows = metrics.map(({ name, kind, unit, said, labels }) => [
    code(name),
    `${kind}${unit === '' ? '' : `, ${unit}`}`,
    [...labels].map(code).join(', '),
    said,
  ]);
  const about =
    'What is reported to OpenTelemetry, where `@opentelemetry/api` is installed: [metrics and traces](../how-to/metrics-and-traces.md).';
  return [headOf('Metrics', about), table(['metric', 'kind', 'labels', ''], rows), ''].join('\n');
}

/** Everything that can happen, once. */
function tellAll(metrics: DurableMetrics): void {
  metrics.started('w', 1);
  metrics.ended('w', 'completed');
  metrics.attempted({ workflow: 'w', step: 's', type: 'step', status: 'completed', durationMs: 1 } as never);
  metrics.claimed('q', 1, [1]);
  metrics.committed(1);
  metrics.lost(1);
  metrics.recovered(1);
  metrics.reconciled('k', 1);
}
