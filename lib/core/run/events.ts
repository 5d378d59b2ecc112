import { decode } from '../codec/codec.js';
import type { Redaction } from '../redact/redact.js';
import type { FinishedStatus } from './status.js';
import type { StoredError } from '../errors/stored-error.js';
import type { WaitKind } from './wait-spec.js';

// The comment behind a kind is its line in docs/reference/events.md.
export const STEP_EVENTS = [
  'step_started', // an attempt has begun
  'step_completed', // an attempt was recorded as completed
  'step_failed', // an attempt was recorded as failed; `retryAt` says when the next one is made
  'step_waiting', // a pass was suspended; `waits` says what for
] as const;
export const INPUT_EVENTS = [
  'input_requested', // a person is asked for something
  'input_provided', // an answer was taken
] as const;
export const SCHEDULE_EVENTS = [
  'schedule_toggled', // a client has enabled or disabled a schedule, or ten failures have
  'schedule_triggered', // a schedule has started a run
] as const;

/** Kinds of live events, as `DurableEvents` delivers them. */
export const DURABLE_EVENT_KINDS = [
  'workflow_started', // a worker has begun a run
  'workflow_resumed', // a worker goes on with a run that was waiting, paused or lost
  'workflow_waiting', // a run was suspended: it waits, or backs off before a retry
  'workflow_paused', // by somebody, or by the engine since it cannot go on
  'workflow_completed', // the end, with a result
  'workflow_failed', // the end, with an error
  'workflow_cancelled', // the end, by somebody
  'workflow_compensating', // what was done is being undone
  'workflow_compensated', // the end: all was undone
  'workflow_compensation_failed', // the end: something could not be undone
  ...STEP_EVENTS,
  'event_received', // an event was sent to a run
  ...INPUT_EVENTS,
  ...SCHEDULE_EVENTS,
] as const;

/** Kind of a live event. */
export type DurableEventKind = (typeof DURABLE_EVENT_KINDS)[number];

/** Fields of every event; times are dates for subscribers, ms of database time on their way. */
interface EventFields<Time> {
  /** The same each time the event is delivered; no other event has it. */
  readonly id: string;
  readonly kind: DurableEventKind;
  /** The run; null with `schedule_toggled`. */
  readonly executionId: string | null;
  readonly workflow: string | null;
  readonly time: Time;
  /** Steps: which attempt. Inputs: the step that asks. */
  readonly step?: string;
  readonly path?: string;
  /** Steps: the kind of member. */
  readonly type?: string;
  readonly round?: number;
  readonly visit?: number;
  readonly attempt?: number;
  readonly durationMs?: number;
  /** Failed attempts: time of the next one; null: there is none. */
  readonly retryAt?: Time | null;
  /** Error by which a step or run failed or was paused: its name, and its message cut to 300 characters. */
  readonly error?: { readonly name: string; readonly message: string };
  /** `step_waiting`: the waits. */
  readonly waits?: readonly { readonly kind: WaitKind; readonly names: readonly string[] }[];
  /** `event_received` */
  readonly eventName?: string;
  readonly inputId?: string;
  readonly inputName?: string;
  /** Schedules: its name. */
  readonly schedule?: string;
  /** `schedule_toggled` */
  readonly enabled?: boolean;
}

/** Something that happened to a run or a schedule, on any node. Carries no payloads: read those with the client. */
export type DurableEvent = EventFields<Date>;

/** An event on its way. */
export type EventRecord = EventFields<number>;

export const endKind = (status: FinishedStatus): DurableEventKind => `workflow_${status}`;

const steps: ReadonlySet<string> = new Set(STEP_EVENTS);
const inputs: ReadonlySet<string> = new Set(INPUT_EVENTS);
const schedules: ReadonlySet<string> = new Set(SCHEDULE_EVENTS);

export const isStepEvent = (kind: DurableEventKind): boolean => steps.has(kind);
export const isInputEvent = (kind: DurableEventKind): boolean => inputs.has(kind);
export const isScheduleEvent = (kind: DurableEventKind): boolean => schedules.has(kind);

export function toDurableEvent({ time, retryAt, ...rest }: EventRecord): DurableEvent {
  const event: DurableEvent = { ...rest, time: new Date(time) };
  if (retryAt === undefined) return event;
  return { ...event, retryAt: retryAt === null ? null : new Date(retryAt) };
}

/** Ids of events: one for each thing that happened, whichever process reports it. */
export const eventIds = {
  started: (run: string): string => `${run}:started`,
  ended: (run: string, status: string): string => `${run}:${status}`,
  /** `token`: of the lease under which it happened. */
  lease: (run: string, what: 'resumed' | 'waiting' | 'paused', token: number): string => `${run}:${what}:${token}`,
  compensating: (run: string, round: number): string => `${run}:compensating:${round}`,
  record: (run: string, seq: number): string => `${run}:step:${seq}`,
  wait: (run: string, wait: string, what: 'waiting' | 'requested' | 'provided'): string => `${run}:${what}:${wait}`,
  received: (run: string, key: string): string => `${run}:received:${key}`,
  triggered: (schedule: string, run: string): string => `${run}:triggered:${schedule}`,
};

const MESSAGE_LENGTH = 300;

/** Name and message only: an error's own fields may hold secrets. */
export function errorOf(encoded: string | null): Pick<EventRecord, 'error'> {
  if (encoded === null) return {};
  const { name, message } = decode(encoded) as StoredError;
  return { error: { name, message: message.slice(0, MESSAGE_LENGTH) } };
}

/** The event with its error redacted. */
export function redactEvent(event: EventRecord, redact: Redaction): EventRecord {
  return event.error === undefined ? event : { ...event, error: redact.error(event.error) };
}
