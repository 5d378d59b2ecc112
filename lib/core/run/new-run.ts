import { uuidv7 } from '../uuid.js';

/** A run that is to be started. */
export interface NewRun {
  readonly id: string;
  readonly workflow: string;
  readonly definitionId: number;
  readonly queue: string;
  readonly priority: number;
  /** Encoded. */
  readonly input: string;
  readonly tags: Readonly<Record<string, string>> | null;
  /** ms; 0: at once. */
  readonly delayMs: number;
  /** Absolute due time, as ISO text; wins over `delayMs`. */
  readonly scheduledAt: string | null;
  readonly retryOf: string | null;
  readonly parentId: string | null;
  /** W3C `traceparent` of the code that starts it; null: that is not traced. */
  readonly traceparent: string | null;
  readonly idempotencyKey: string | null;
  /** Due time of the schedule that starts it or has started the run it does again, as ISO text; null: none, or by hand. */
  readonly scheduleTime: string | null;
  /** The schedule that starts it, by the clock or by hand. */
  readonly scheduleName: string | null;
}

type Needed = 'workflow' | 'definitionId' | 'queue' | 'priority' | 'input';
type Given = Pick<NewRun, Needed> & { readonly [Key in Exclude<keyof NewRun, Needed>]?: NewRun[Key] | null };

/** A run with a new id, at once, by nobody and nothing, unless given. (Written out: a spread costs V8 a hidden class each.) */
export function newRun(given: Given): NewRun {
  return {
    id: given.id ?? uuidv7(),
    workflow: given.workflow,
    definitionId: given.definitionId,
    queue: given.queue,
    priority: given.priority,
    input: given.input,
    tags: given.tags ?? null,
    delayMs: given.delayMs ?? 0,
    scheduledAt: given.scheduledAt ?? null,
    retryOf: given.retryOf ?? null,
    parentId: given.parentId ?? null,
    traceparent: given.traceparent ?? null,
    idempotencyKey: given.idempotencyKey ?? null,
    scheduleTime: given.scheduleTime ?? null,
    scheduleName: given.scheduleName ?? null,
  };
}
