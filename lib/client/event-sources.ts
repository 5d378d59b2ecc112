import { stepNameOf } from '../core/definition/definition-path.js';
import { type DurableEventKind, eventIds, type EventRecord } from '../core/run/events.js';
import { uuidv7 } from '../core/uuid.js';
import type { ClientRuntime } from '../lifecycle/host.js';
import { toggled } from '../engine/run/observed.js';

type Told = Pick<ClientRuntime, 'events' | 'engine'>;

/** Tells of what clients do, once it is committed; the name of the workflow is looked up if somebody listens. */
function tell({ events, engine }: Told, runId: string, event: Omit<EventRecord, 'executionId' | 'workflow' | 'time'>) {
  if (events.wants(runId) === 'nothing') return;
  events.tell([{ ...event, executionId: runId, workflow: null, time: engine.clock.now() }]);
}

export function tellSwitched(
  to: Told,
  runId: string,
  kind: DurableEventKind & `workflow_${'paused' | 'resumed'}`,
): void {
  tell(to, runId, { id: `${runId}:${uuidv7()}`, kind });
}

export function tellReceived(to: Told, runId: string, eventName: string, key: string): void {
  tell(to, runId, { id: eventIds.received(runId, key), kind: 'event_received', eventName });
}

/** An input, by its id and name, and the path of the step that asked. */
export interface AnsweredInput {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

export function tellProvided(to: Told, runId: string, { id, name, path }: AnsweredInput): void {
  const event = { id: eventIds.wait(runId, id, 'provided'), kind: 'input_provided' as const };
  tell(to, runId, { ...event, step: stepNameOf(path), path, inputId: id, inputName: name });
}

export function tellTriggered({ events, engine }: Told, schedule: string, workflow: string, runId: string): void {
  if (!events.isWanted) return;
  const of = { executionId: runId, workflow, time: engine.clock.now(), schedule };
  events.tell([{ id: eventIds.triggered(schedule, runId), kind: 'schedule_triggered', ...of }]);
}

export function tellToggled({ events, engine }: Told, schedule: string, workflow: string, enabled: boolean): void {
  if (events.isWanted) events.tell([toggled(schedule, workflow, enabled, engine.clock.now())]);
}
