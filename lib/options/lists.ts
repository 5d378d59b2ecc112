import type { RunFilters, RunListFilters } from '../core/run/execution.js';
import { EXECUTION_STATUSES } from '../core/run/status.js';
import { QUEUE_NAME, UUID } from '../core/limits.js';
import { readOptions } from '../core/option-reader.js';
import type { EventPage } from '../storage/reads/reads.js';
import { ALL_STEPS, type StepPage } from '../storage/reads/run-rows.js';
import { givenWorkflow, type Unnamed, withoutNulls } from './given-workflow.js';
import { readTags } from './start.js';

const MOST = 1_000;

/** @throws InvalidInputError with everything that is wrong */
export function readFilters(filters: unknown): Unnamed<RunFilters> {
  return readAll('The filters of countExecutions()', filters, false);
}

/** @throws InvalidInputError with everything that is wrong */
export function readBulkFilters(what: string, filters: unknown): Unnamed<RunFilters> {
  return readAll(`The filters of ${what}()`, filters, false);
}

/** @throws InvalidInputError with everything that is wrong */
export function readListFilters(filters: unknown): Unnamed<RunListFilters> {
  return readAll('The filters of listExecutions()', filters, true);
}

/** @throws InvalidInputError */
export function readChildFilters(filters: unknown): Pick<RunListFilters, 'status' | 'limit' | 'after'> {
  const found = readOptions('The filters of listChildren()', filters, (read) => ({
    status: read.severalOf('status', EXECUTION_STATUSES),
    limit: read.integer('limit', null, { min: 1, max: MOST }),
    after: read.text('after', null, UUID),
  }));
  return withoutNulls(found);
}

/** @throws InvalidInputError */
export function readStepPage(options: unknown): StepPage {
  return readOptions('The options of getSteps()', options, (read) => ({
    limit: read.integer('limit', ALL_STEPS.limit, { min: 1, max: Number.MAX_SAFE_INTEGER }),
    offset: read.integer('offset', 0, { min: 0, max: Number.MAX_SAFE_INTEGER }),
    includeData: read.boolean('includeData', true),
  }));
}

/** @throws InvalidInputError */
export function readEventPage(options: unknown): EventPage {
  return readOptions('The options of listEvents()', options, (read) => ({
    unmatched: read.boolean('unmatched', false),
    after: read.text('after', '0', EVENT_ID) ?? '0',
    limit: read.integer('limit', MOST, { min: 1, max: MOST }),
  }));
}

const EVENT_ID = { expected: 'the id of an event', fits: (text: string) => /^[0-9]{1,18}$/.test(text) };

function readAll(what: string, filters: unknown, paged: boolean): Unnamed<RunListFilters> {
  return readOptions(what, filters, (read) => {
    const found = {
      status: read.severalOf('status', EXECUTION_STATUSES),
      queue: read.text('queue', null, QUEUE_NAME),
      parentId: read.text('parentId', null, UUID),
      tags: readTags(read, 'tags'),
      since: read.date('since'),
      until: read.date('until'),
      ...(paged && {
        limit: read.integer('limit', 50, { min: 1, max: MOST }),
        offset: read.integer('offset', 0, { min: 0, max: Number.MAX_SAFE_INTEGER - MOST }),
        before: read.text('before', null, UUID),
        after: read.text('after', null, UUID),
        order: read.oneOf('order', 'desc', ['asc', 'desc']),
        includeData: read.boolean('includeData', false),
      }),
    };
    return { ...withoutNulls(found), ...givenWorkflow(read) };
  });
}
