import type { AttemptPlace } from '../../core/run/execution.js';
import type { RunState, TraceMark } from '../../core/run/run-state.js';
import { storedErrorOf } from '../step/attempt.js';
import type { ClaimedRow, Outcome } from '../ports/store.js';
import type { AttemptTrace, SegmentTrace, Telemetry } from '../ports/telemetry.js';

/** A wait may have taken the events of very many senders. */
const MOST_LINKS = 32;

/** Begins the trace of a row that is leased from now on; the mark of `state` is kept for the next lease. */
export function beginSegment(
  telemetry: Telemetry | undefined,
  { runId, workflow, queue, recoveries, traceparent }: ClaimedRow,
  state: Pick<RunState, 'trace'>,
): SegmentTrace | null {
  if (telemetry === undefined) return null;
  const parent = state.trace?.parent ?? traceparent ?? null;
  const previous = state.trace?.last ?? null;
  const segment = telemetry.segment({ runId, workflow, queue, parent, previous, recoveries });
  if (segment !== null) state.trace = markOf(segment, parent);
  return segment;
}

function markOf({ traceparent }: SegmentTrace, parent: string | null): TraceMark {
  return { parent: parent ?? traceparent, last: traceparent };
}

export function endSegment(segment: SegmentTrace, outcome: Outcome, paused: boolean): void {
  if (outcome.kind === 'park') return segment.end(outcome.pause || paused ? 'paused' : 'waiting', null);
  segment.end(outcome.status, outcome.error === null ? null : storedErrorOf(outcome.error));
}

/** Begins the trace of an attempt, linked to what its waits were given by. */
export function beginAttempt(
  segment: SegmentTrace | null,
  of: AttemptPlace,
  senders: readonly string[] = [],
): AttemptTrace | null {
  if (segment === null) return null;
  return segment.attempt(of, senders.slice(-MOST_LINKS));
}
