import type { EntityManager } from 'typeorm';
import { PENDING_STATUSES, type PendingEventFilters, type PendingInputFilters } from '../core/input/pending.js';
import { checkText, KEY, REASON, UUID } from '../core/limits.js';
import { Faults, OptionReader, readOptions } from '../core/option-reader.js';
import { isUuid } from '../core/uuid.js';
import { givenWorkflow, type Unnamed, withoutNulls } from './given-workflow.js';
import { readManager } from './start.js';
import type { InputSelector } from '../storage/client/waits.js';

/** Options of `sendEvent()`. */
export interface SendEventOptions {
  /**
   * Key of the event: of all that are sent to a run with the same key, one is delivered. At most 512 characters. Default:
   * none, each call sends an event.
   */
  dedupeKey?: string;
  /** EntityManager of a transaction: the event is sent if and only if that commits. Default: it is sent at once. */
  manager?: EntityManager;
}

/** Options of `cancelWait()`. */
export interface CancelWaitOptions {
  /** Name of an event, of an input, or of a child's workflow. Default: all that the run waits for. */
  name?: string;
  /** `reason` of the `WaitCancelledError` that the step gets. Default: none. */
  reason?: string;
}

/** Options of `cancel()`. */
export interface CancelOptions {
  /**
   * Undoes the run's steps by their compensations: it ends as `compensated`. A run that has not begun, or has nothing to
   * undo, ends as `cancelled`. Default: false.
   */
  compensate?: boolean;
}

const MOST = 1_000;

/** @throws InvalidInputError */
export function readEvent(
  name: unknown,
  options: unknown,
): { name: string; dedupeKey: string | null; manager: EntityManager | null } {
  const faults = new Faults();
  const read = readName(faults, name);
  const rest = readOptions(
    'The arguments of sendEvent()',
    options,
    (reader) => ({ dedupeKey: reader.text('dedupeKey', null), manager: readManager(reader) }),
    faults,
  );
  return { name: read, ...rest };
}

/** @internal @throws InvalidInputError */
export function readInputSelector(input: unknown): InputSelector {
  const what = 'The arguments of provideInput()';
  if (typeof input !== 'object' || input === null) return { name: checkText(what, 'name', input, KEY) };
  const faults = new Faults();
  const read = OptionReader.of(faults, 'input', input);
  const inputId = read?.take('inputId');
  if (read !== null && !isUuid(inputId)) read.expected('inputId', 'a UUID, as listPendingInputs() gives it', inputId);
  read?.refuseOthers();
  faults.refuse(what);
  return { inputId: String(inputId).toLowerCase() };
}

/** @throws InvalidInputError */
export function readCancelWait(options: unknown): { name: string | null; reason: string | null } {
  return readOptions('The options of cancelWait()', options, (read) => ({
    name: read.text('name', null),
    reason: read.text('reason', null, REASON),
  }));
}

/** @throws InvalidInputError */
export function readCancel(reason: unknown, options: unknown): { reason: string | null; compensate: boolean } {
  const faults = new Faults();
  const why = typeof reason === 'string' && REASON.fits(reason) ? reason : null;
  if (why === null && reason !== undefined) faults.expected('reason', REASON.expected, reason);
  const read = (reader: OptionReader): boolean => reader.boolean('compensate', false);
  return { reason: why, compensate: readOptions('The arguments of cancel()', options, read, faults) };
}

/** @throws InvalidInputError with everything that is wrong */
export function readPendingInputs(filters: unknown): Unnamed<PendingInputFilters> {
  return readOptions('The filters of listPendingInputs()', filters, (read) => ({
    ...withoutNulls({
      executionId: read.text('executionId', null, UUID),
      timeoutBefore: read.date('timeoutBefore'),
      ...readPage(read),
    }),
    ...givenWorkflow(read),
  }));
}

/** @throws InvalidInputError with everything that is wrong */
export function readPendingEvents(filters: unknown): PendingEventFilters {
  return readOptions('The filters of listPendingEvents()', filters, (read) =>
    withoutNulls({ eventName: read.text('eventName', null), ...readPage(read) }),
  );
}

function readPage(read: OptionReader): object {
  return {
    status: read.severalOf('status', PENDING_STATUSES),
    limit: read.integer('limit', 50, { min: 1, max: MOST }),
  };
}

function readName(faults: Faults, name: unknown): string {
  if (typeof name === 'string' && KEY.fits(name)) return name;
  faults.expected('name', KEY.expected, name);
  return '';
}
