import { stepNameOf } from '../../core/definition/definition-path.js';
import { endKind, errorOf, eventIds, type EventRecord } from '../../core/run/events.js';
import { STEP_TYPES } from '../../core/run/machine.js';
import { uuidv7 } from '../../core/uuid.js';
import type { Observer } from '../ports/observer.js';
import type { InFlight } from '../../core/run/execution.js';
import type {
  Ack,
  EndedTree,
  ClaimedRow,
  EndOutcome,
  FiredSchedule,
  RemoteStepOp,
  NewRecord,
  NewWait,
  ReceivedEvent,
  RunOp,
} from '../ports/store.js';
import type { RunReport } from '../ports/run-report.js';
import type { RunStatsSink } from '../ports/run-stats.js';
import type { Telemetry } from '../ports/telemetry.js';

/** The run that is reported, and its lease. */
export interface ObservedRun {
  readonly runId: string;
  readonly workflow: string;
  readonly token: number;
}

/** Observer, telemetry and report of a session. */
export interface Watch {
  readonly observer?: Observer | undefined;
  readonly telemetry?: Telemetry | undefined;
  readonly stats?: RunStatsSink | undefined;
  readonly report?: RunReport | undefined;
  readonly clock: { now(): number };
}

/** Tells that this process has leased a run. */
export function tellClaimed({ observer, stats, report, clock }: Watch, row: ClaimedRow): void {
  if (row.fresh && row.step === null) {
    stats?.began(clock.now(), row.workflow, row.lagMs ?? 0);
    report?.began(row);
  }
  if (observer === undefined || row.step !== null || observer.wants(row.runId) === 'nothing') return;
  const { runId, workflow, token, fresh } = row;
  const id = fresh ? eventIds.started(runId) : eventIds.lease(runId, 'resumed', token);
  const kind = fresh ? 'workflow_started' : 'workflow_resumed';
  observer.tell([{ id, kind, executionId: runId, workflow, time: clock.now() }]);
}

/** An attempt begins. */
export function tellAttempt({ observer, clock }: Watch, run: ObservedRun, attempt: InFlight): void {
  if (observer?.wants(run.runId) !== 'steps') return;
  const { runId, workflow, token } = run;
  const { step, path, type, round, visit, startedAt } = attempt;
  const id = `${runId}:step:${path}:${round}.${visit}.${attempt.attempt}:${token}:${Math.round(startedAt)}`;
  const time = clock.now();
  const at = { step, path, type, round, visit, attempt: attempt.attempt };
  observer.tell([{ id, kind: 'step_started', executionId: runId, workflow, time, ...at }]);
}

/** A commit was taken. */
export function tellCommitted(
  { observer, telemetry, report, clock }: Watch,
  run: ObservedRun,
  { records, outcome, extras }: Pick<RunOp, 'records' | 'outcome' | 'extras'>,
  ack: Partial<Ack & { taken: true }> = {},
): void {
  if (telemetry !== undefined) measure(telemetry, run.workflow, records, hasEnded(outcome, ack) ? outcome : null);
  if (report !== undefined) inWords(report, run, { records, outcome, extras }, ack);
  const wanted = observer?.wants(run.runId) ?? 'nothing';
  if (observer === undefined || wanted === 'nothing') return;
  const { runId, workflow, token } = run;
  const of = { executionId: runId, workflow, time: clock.now() };
  const events: EventRecord[] = [];
  if (wanted === 'steps') {
    for (const record of records) if (STEP_TYPES.includes(record.type)) events.push(ofRecord(record, runId, of));
    events.push(...ofWaits(extras?.waits ?? [], runId, of));
  }
  for (const wait of extras?.waits ?? []) {
    if (wait.kind !== 'input') continue;
    const at = { inputId: wait.id, inputName: wait.names[0] ?? '', step: stepNameOf(wait.path), path: wait.path };
    events.push({ id: eventIds.wait(runId, wait.id, 'requested'), kind: 'input_requested', ...of, ...at });
  }
  if (extras?.compensating === true) {
    const round = records.at(-1)?.round ?? 1;
    const id = eventIds.compensating(runId, round);
    events.push({ id, kind: 'workflow_compensating', ...of, round });
  }
  const paused = { id: eventIds.lease(runId, 'paused', token), kind: 'workflow_paused', ...of } as const;
  if (outcome === null && extras !== null && extras.pause !== null) {
    events.push({ ...paused, ...errorOf(extras.pause) });
  } else if (hasEnded(outcome, ack)) {
    const { status, error } = outcome;
    events.push({ id: eventIds.ended(runId, status), kind: endKind(status), ...of, ...errorOf(error) });
  } else if (outcome?.kind === 'park' && (ack.cancel !== true || outcome.holds)) {
    const sleeps = ack.ready !== true && (outcome.delayMs === null || outcome.delayMs > 0);
    if (outcome.pause || ack.paused === true) events.push({ ...paused, ...errorOf(outcome.error) });
    else if (sleeps) {
      events.push({ id: eventIds.lease(runId, 'waiting', token), kind: 'workflow_waiting', ...of });
    }
  }
  if (events.length > 0) observer.tell(events);
}

/** Tells of the commit of a step on another queue. */
export function tellRemoteStep(watch: Watch, run: ObservedRun, { records, extras }: RemoteStepOp): void {
  tellCommitted(watch, run, { records, extras, outcome: null });
}

/** Runs were ended without a lease. */
export function tellEnded({ observer, telemetry, stats, report, clock }: Watch, runs: EndedTree['ended']): void {
  for (const { id, workflow, status, error } of runs) {
    telemetry?.ended(workflow, status);
    stats?.ended(clock.now(), workflow, status, null, null);
    report?.ended({ runId: id, workflow }, status, error, null);
    if (observer === undefined || observer.wants(id) === 'nothing') continue;
    const of = { executionId: id, workflow, time: clock.now() };
    observer.tell([{ id: eventIds.ended(id, status), kind: endKind(status), ...of, ...errorOf(error) }]);
  }
}

/** Events have come into mailboxes of runs. */
export function tellReceived({ observer, clock }: Watch, received: readonly ReceivedEvent[]): void {
  for (const { runId, name, key } of received) {
    if (observer === undefined || observer.wants(runId) === 'nothing') continue;
    const at = { executionId: runId, workflow: null, time: clock.now(), eventName: name };
    observer.tell([{ id: eventIds.received(runId, key), kind: 'event_received', ...at }]);
  }
}

/** A schedule has started its runs, or was switched off after too many failures. */
export function tellFired({ observer, telemetry, clock }: Watch, fired: FiredSchedule): void {
  const { name: schedule, workflow, runs, autoDisabled } = fired;
  if (runs.length > 0) telemetry?.started(workflow, runs.length);
  if (observer?.isWanted !== true) return;
  const at = { workflow, time: clock.now(), schedule };
  observer.tell([
    ...runs.map((run): EventRecord => ({
      id: eventIds.triggered(schedule, run),
      kind: 'schedule_triggered',
      executionId: run,
      ...at,
    })),
    ...(autoDisabled ? [toggled(schedule, workflow, false, at.time)] : []),
  ]);
}

export function toggled(schedule: string, workflow: string | null, enabled: boolean, time: number): EventRecord {
  return { id: uuidv7(), kind: 'schedule_toggled', executionId: null, workflow, time, schedule, enabled };
}

/** Not where a cancel with compensation came first: then it is to be undone. */
function hasEnded(outcome: RunOp['outcome'], ack: Partial<Ack & { taken: true }>): outcome is EndOutcome {
  return outcome?.kind === 'end' && (ack.cancel !== true || outcome.undone);
}

function inWords(
  report: RunReport,
  run: ObservedRun,
  { records, outcome, extras }: Pick<RunOp, 'records' | 'outcome' | 'extras'>,
  ack: Partial<Ack & { taken: true }>,
): void {
  for (const record of records) {
    if (record.status === 'failed' && STEP_TYPES.includes(record.type)) report.attemptFailed(run, record);
  }
  if (outcome === null) {
    if (extras !== null && extras.pause !== null) report.paused(run, extras.pause);
  } else if (outcome.kind === 'park') {
    if (outcome.pause && outcome.error !== null) report.paused(run, outcome.error);
  } else if (hasEnded(outcome, ack)) report.ended(run, outcome.status, outcome.error, outcome.failedStep);
}

function measure(
  telemetry: Telemetry,
  workflow: string,
  records: readonly NewRecord[],
  ended: EndOutcome | null,
): void {
  for (const { type, path, status, durationMs, facts } of records) {
    if (STEP_TYPES.includes(type)) {
      telemetry.attempted({ workflow, step: stepNameOf(path), type, status, durationMs });
    }
    if (type === 'child' && facts?.child !== undefined) telemetry.started(facts.child.workflow, 1);
  }
  if (ended !== null) telemetry.ended(workflow, ended.status);
}

type Of = Pick<EventRecord, 'executionId' | 'workflow' | 'time'>;

function ofRecord(record: NewRecord, runId: string, of: Of): EventRecord {
  const { seq, path, type, round, visit, attempt, durationMs, status, retryInMs } = record;
  const at = { step: stepNameOf(path), path, type, round, visit, attempt, durationMs };
  const event = { id: eventIds.record(runId, seq), ...of, ...at };
  if (status === 'completed') return { ...event, kind: 'step_completed' };
  const retryAt = retryInMs === null ? null : of.time + retryInMs;
  return { ...event, kind: 'step_failed', retryAt, ...errorOf(record.error) };
}

/** One for each step that waits, whatever it waits for. */
function ofWaits(waits: readonly NewWait[], runId: string, of: Of): EventRecord[] {
  const steps = new Map<string, NewWait[]>();
  for (const wait of waits) {
    const key = `${wait.visit} ${wait.path}`;
    const group = steps.get(key) ?? [];
    group.push(wait);
    steps.set(key, group);
  }
  return [...steps.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { id, path, type, round, visit, attempt } = first;
    const at = { step: stepNameOf(path), path, type, round, visit, attempt };
    const asked = group.map(({ kind, names }) => ({ kind, names }));
    return [{ id: eventIds.wait(runId, id, 'waiting'), kind: 'step_waiting', ...of, ...at, waits: asked }];
  });
}
