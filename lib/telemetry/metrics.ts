import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { AttemptFigures } from '../engine/ports/telemetry.js';

/** Values of one label; whatever comes after them is `other`, so that no name that is made up at run time can swell the series. */
const MOST_VALUES = 500;
const OTHER = 'other';

/** Bounds in seconds: from what a commit takes to what a person would call stuck. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Counters and timings of the engine. Names and labels: docs/how-to/metrics-and-traces.md. */
export class DurableMetrics {
  private readonly starts: Counter;
  private readonly ends: Counter;
  private readonly steps: Histogram;
  private readonly lag: Histogram;
  private readonly claims: Histogram;
  private readonly commits: Histogram;
  private readonly losses: Counter;
  private readonly recoveries: Counter;
  private readonly reconciliations: Counter;
  private readonly workflows = new Values();
  private readonly stepNames = new Values();
  private readonly queues = new Values();

  constructor(meter: Meter) {
    const seconds = (name: string, description: string): Histogram =>
      meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: SECONDS } });
    this.starts = meter.createCounter('durable.workflow.started', { description: 'Runs started by this process' });
    this.ends = meter.createCounter('durable.workflow.ended', { description: 'Runs that ended, by status' });
    this.steps = seconds('durable.step.duration', 'Attempts of steps, from begin to end, time parked left out');
    this.lag = seconds('durable.queue.lag', 'How long claimed work had been ready');
    this.claims = seconds('durable.claim.duration', 'Claims: the statement that takes work from a queue');
    this.commits = meter.createHistogram('durable.commit.size', {
      description: 'Runs and starts that shared a commit of the journal',
      advice: { explicitBucketBoundaries: SIZES },
    });
    this.losses = meter.createCounter('durable.lease.lost', {
      description: 'Runs that this process had leased and lost: taken by another, or cancelled',
    });
    this.recoveries = meter.createCounter('durable.recoveries', {
      description: 'Runs taken from workers that died, by this process',
    });
    this.reconciliations = meter.createCounter('durable.reconciled', {
      description: 'Runs that the safety net woke, since nothing else had; should stay 0',
    });
  }

  started(workflow: string, count: number): void {
    this.starts.add(count, { 'durable.workflow': this.workflows.of(workflow) });
  }

  ended(workflow: string, status: string): void {
    this.ends.add(1, { 'durable.workflow': this.workflows.of(workflow), 'durable.status': status });
  }

  attempted({ workflow, step, type, status, durationMs }: AttemptFigures): void {
    this.steps.record(durationMs / 1_000, {
      'durable.workflow': this.workflows.of(workflow),
      'durable.step': this.stepNames.of(step),
      'durable.type': type,
      'durable.status': status,
    });
  }

  claimed(queue: string, tookMs: number, lagsMs: readonly number[]): void {
    const labels = { 'durable.queue': this.queues.of(queue) };
    this.claims.record(tookMs / 1_000, labels);
    for (const lag of lagsMs) this.lag.record(Math.max(0, lag) / 1_000, labels);
  }

  committed(size: number): void {
    this.commits.record(size);
  }

  lost(rows: number): void {
    this.losses.add(rows);
  }

  recovered(rows: number): void {
    this.recoveries.add(rows);
  }

  reconciled(what: string, runs: number): void {
    this.reconciliations.add(runs, { 'durable.kind': what });
  }
}

/** The values of a label, as many as there may be. */
class Values {
  private readonly known = new Set<string>();

  of(value: string): string {
    if (this.known.has(value)) return value;
    if (this.known.size >= MOST_VALUES) return OTHER;
    this.known.add(value);
    return value;
  }
}
