import type { EntityManager } from 'typeorm';
import { PENDING_STATUSES, type PendingEventFilters, type PendingInputFilters } from './core/pending.js';
import { isUuid } from './core/uuid.js';
import { Faults, given, OptionReader } from './durable.options-check.js';
import { readDate, readManager, refuse } from './durable.start-options.js';
import type { InputSelector } from './storage/waits.js';

/** How an event is sent. */
export interface SendEventOptions {
  /**
   * Of all events that are sent to a run with the same key, one is delivered. At most 512 characters. Default: each call
   * sends one.
   */
  dedupeKey?: string;
  /** The event is sent if and only if the transaction of this EntityManager commits. Default: at once. */
  manager?: EntityManager;
}

/** Which waits are cancelled, and why. */
export interface CancelWaitOptions {
  /** Name of an event, of an input, or of a child's workflow. Default: all that the run waits for. */
  name?: string;
  /** `reason` of the `WaitCancelledError` that the step gets. Default: none. */
  reason?: string;
}

export interface CancelOptions {
  /**
   * Whether what the run did is undone, see `compensate` of steps: it is then `compensated` in the end. A run that has
   * not begun, or has nothing to undo, is `cancelled`. Default: false.
   */
  compensate?: boolean;
}

const MOST = 1_000;
/** In UTF-8 at most 2048 bytes: an index entry holds 2700, with the run's id. */
const LONGEST = 512;
const RULE = `a string of 1 to ${LONGEST} characters without NUL and halves of surrogate pairs`;

/** @throws InvalidInputError */
export function readEvent(
  name: unknown,
  options: unknown,
): { name: string; dedupeKey: string | null; manager: EntityManager | null } {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', options);
  const result = {
    name: readName(faults, name, 'name'),
    dedupeKey: read?.text('dedupeKey', null, isName, RULE) ?? null,
    manager: read === null ? null : readManager(read),
  };
  read?.refuseOthers();
  refuse('The arguments of sendEvent()', faults);
  return result;
}

/** @throws InvalidInputError */
export function readInputSelector(input: unknown): InputSelector {
  const faults = new Faults();
  if (typeof input !== 'object' || input === null) {
    const name = readName(faults, input, 'name');
    refuse('The arguments of provideInput()', faults);
    return { name };
  }
  const read = OptionReader.of(faults, 'input', input);
  const inputId = read?.take('inputId');
  if (!isUuid(inputId))
    read?.fault('inputId', `expected a UUID, as listPendingInputs() gives it, got ${given(inputId)}`);
  read?.refuseOthers();
  refuse('The arguments of provideInput()', faults);
  return { inputId: String(inputId).toLowerCase() };
}

/** @throws InvalidInputError */
export function readCancelWait(options: unknown): { name: string | null; reason: string | null } {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', options);
  const result = {
    name: read?.text('name', null, isName, RULE) ?? null,
    reason: read?.text('reason', null, () => true, 'a string') ?? null,
  };
  read?.refuseOthers();
  refuse('The options of cancelWait()', faults);
  return result;
}

/** @throws InvalidInputError */
export function readCancel(reason: unknown, options: unknown): { reason: string | null; compensate: boolean } {
  const faults = new Faults();
  if (reason !== undefined && typeof reason !== 'string') {
    faults.add('reason', `expected a string, got ${given(reason)}`);
  }
  const read = OptionReader.of(faults, '', options);
  const compensate = read?.boolean('compensate', false) ?? false;
  read?.refuseOthers();
  refuse('The arguments of cancel()', faults);
  return { reason: typeof reason === 'string' ? reason : null, compensate };
}

/** @throws InvalidInputError with everything that is wrong */
export function readPendingInputs(filters: unknown, workflowName: (workflow: unknown) => string): PendingInputFilters {
  return readFilters('The filters of listPendingInputs()', filters, (read) => {
    const workflow = read.take('workflow');
    return {
      workflow: workflow === undefined ? null : workflowName(workflow),
      executionId: read.text('executionId', null, isUuid, 'a UUID'),
      timeoutBefore: readDate(read, 'timeoutBefore'),
    };
  });
}

/** @throws InvalidInputError with everything that is wrong */
export function readPendingEvents(filters: unknown): PendingEventFilters {
  return readFilters('The filters of listPendingEvents()', filters, (read) => ({
    eventName: read.text('eventName', null, isName, RULE),
  }));
}

function readFilters(what: string, filters: unknown, own: (read: OptionReader) => object): object {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', filters);
  const found =
    read === null
      ? {}
      : {
          ...own(read),
          status: read.severalOf('status', PENDING_STATUSES),
          limit: read.integer('limit', 50, { min: 1, max: MOST }),
        };
  read?.refuseOthers();
  refuse(what, faults);
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null));
}

function readName(faults: Faults, name: unknown, path: string): string {
  if (typeof name === 'string' && isName(name)) return name;
  faults.add(path, `expected ${RULE}, got ${given(name)}`);
  return '';
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST && !/[\0\p{Cs}]/u.test(text);
}
