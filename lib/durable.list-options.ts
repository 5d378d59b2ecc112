import type { RunFilters, RunListFilters } from './core/execution.js';
import { EXECUTION_STATUSES } from './core/status.js';
import { isUuid } from './core/uuid.js';
import { Faults, OptionReader } from './durable.options-check.js';
import { readDate, readTags, refuse } from './durable.start-options.js';

const MOST = 1_000;

/** @throws InvalidInputError with everything that is wrong */
export function readFilters(filters: unknown, workflowName: (workflow: unknown) => string): RunFilters {
  return readAll('The filters of countExecutions()', filters, workflowName, false);
}

/** @throws InvalidInputError with everything that is wrong */
export function readListFilters(filters: unknown, workflowName: (workflow: unknown) => string): RunListFilters {
  return readAll('The filters of listExecutions()', filters, workflowName, true);
}

/** @throws InvalidInputError */
export function readChildFilters(filters: unknown): RunFilters {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', filters);
  const status = read === null ? null : read.severalOf('status', EXECUTION_STATUSES);
  read?.refuseOthers();
  refuse('The filters of listChildren()', faults);
  return status === null ? {} : { status };
}

function readAll(
  what: string,
  filters: unknown,
  workflowName: (workflow: unknown) => string,
  paged: boolean,
): RunListFilters {
  const faults = new Faults();
  const read = OptionReader.of(faults, '', filters);
  if (read === null) {
    refuse(what, faults);
    return {};
  }
  const workflow = read.take('workflow');
  const found = {
    workflow: workflow === undefined ? null : workflowName(workflow),
    status: read.severalOf('status', EXECUTION_STATUSES),
    queue: read.text('queue', null, (text) => !text.includes('\0'), 'the name of a queue'),
    parentId: read.text('parentId', null, isUuid, 'a UUID'),
    tags: readTags(read, 'tags'),
    since: readDate(read, 'since'),
    until: readDate(read, 'until'),
    ...(paged && {
      limit: read.integer('limit', 50, { min: 1, max: MOST }),
      offset: read.integer('offset', 0, { min: 0, max: Number.MAX_SAFE_INTEGER - MOST }),
      order: read.oneOf('order', 'desc', ['asc', 'desc']),
    }),
  };
  read.refuseOthers();
  refuse(what, faults);
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null));
}
