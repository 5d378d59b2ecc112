import type { AttemptPlace } from '../core/run/execution.js';
import type { Attributes, Context, Link, Span, SpanContext, Tracer } from '@opentelemetry/api';
import { toStoredError } from '../core/codec/error-record.js';
import type { Redaction } from '../core/redact/redact.js';
import type { AttemptTrace, SegmentInfo, SegmentTrace } from '../engine/ports/telemetry.js';

type Api = typeof import('@opentelemetry/api');

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/**
 * A span for each time in which a worker has leased a run, and one for each attempt in it. All spans of a run are in one
 * trace: that of whoever started it, or one of its own. A span that goes on after a wait is linked to the one before it
 * and to the sender of what it waited for.
 */
export class DurableTraces {
  constructor(
    private readonly api: Api,
    private readonly tracer: Tracer,
    /** Hides what is never shown from the errors that spans record. */
    private readonly redact: Redaction,
  ) {}

  /** Of the code that calls; null: it is part of nothing that is traced. */
  active(): string | null {
    const { trace, context, isSpanContextValid } = this.api;
    const current = trace.getSpanContext(context.active());
    return current !== undefined && isSpanContextValid(current) ? traceparentOf(current) : null;
  }

  /** Null: no SDK is registered, and nothing further is paid. */
  segment({ runId, workflow, queue, parent, previous, recoveries }: SegmentInfo): SegmentTrace | null {
    const { SpanKind, SpanStatusCode, isSpanContextValid } = this.api;
    const span = this.tracer.startSpan(
      `workflow ${workflow}`,
      {
        kind: SpanKind.CONSUMER,
        links: previous === null ? [] : this.links([previous]),
        attributes: {
          'durable.workflow.id': runId,
          'durable.workflow.name': workflow,
          'durable.queue': queue,
          'durable.recoveries': recoveries,
        },
      },
      this.within(parent),
    );
    const own = span.spanContext();
    if (!isSpanContextValid(own)) return null;
    const around = this.api.trace.setSpan(this.api.ROOT_CONTEXT, span);
    let isOver = false;
    return {
      traceparent: traceparentOf(own),
      attempt: (of, links) => this.attempt(around, runId, workflow, of, links),
      end: (outcome, error) => {
        if (isOver) return;
        isOver = true;
        span.setAttribute('durable.outcome', outcome);
        if (error !== null) {
          const { name, message } = this.redact.error({ ...error });
          span.setStatus({ code: SpanStatusCode.ERROR, message: `${name}: ${message}` });
        }
        span.end();
      },
    };
  }

  private attempt(
    around: Context,
    runId: string,
    workflow: string,
    { step, path, type, round, visit, attempt }: AttemptPlace,
    links: readonly string[],
  ): AttemptTrace {
    const attributes: Attributes = {
      'durable.workflow.id': runId,
      'durable.workflow.name': workflow,
      'durable.step.name': step,
      'durable.step.path': path,
      'durable.step.type': type,
      'durable.step.round': round,
      'durable.step.visit': visit,
      'durable.step.attempt': attempt,
    };
    const span = this.tracer.startSpan(`step ${step}`, { attributes, links: this.links(links) }, around);
    const inside = this.api.trace.setSpan(around, span);
    return {
      run: (work) => this.api.context.with(inside, work),
      active: () => this.active(),
      end: (status, error) => {
        span.setAttribute('durable.outcome', status);
        if (status === 'failed') this.fail(span, error);
        span.end();
      },
    };
  }

  private fail(span: Span, error: unknown): void {
    const { name, message, stack = '' } = this.redact.error(toStoredError(error));
    span.recordException({ name, message, stack });
    span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: `${name}: ${message}` });
  }

  private within(parent: string | null): Context {
    const { trace, ROOT_CONTEXT } = this.api;
    const context = parent === null ? null : spanContextOf(parent);
    return context === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, context);
  }

  private links(traceparents: readonly string[]): Link[] {
    return traceparents.flatMap((one) => {
      const context = spanContextOf(one);
      return context === null ? [] : [{ context }];
    });
  }
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function spanContextOf(traceparent: string): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
}
