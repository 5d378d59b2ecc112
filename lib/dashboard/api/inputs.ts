import { EVENT_WAIT_KINDS, INPUT_TYPES, isUuid } from '../durable.js';
import { route } from '../http/call.js';
import { anyText, date, type InputReader, isTimestamp, number, requiredText, several } from '../http/input.js';
import { ID, type Mark, markOf, pageOf, PLACE } from './page.js';
import { MOST_COUNTED } from './runs.js';
import { type Page, showPayload } from './show.js';

const STATUSES = ['pending', 'completed', 'timed_out', 'cancelled'] as const;

function filters(read: InputReader) {
  return {
    workflow: anyText(read, 'workflow', 200),
    name: anyText(read, 'name', 600),
    status: several(read, 'status', STATUSES) ?? ['pending' as const],
    executionId: read.text('executionId', null, { fits: isUuid, expected: 'the id of a run' }),
    timeoutBefore: date(read, 'timeoutBefore'),
    order: read.oneOf('order', 'asked', ['asked', 'timeout']),
  };
}

/** Those, and the one that has an id. */
function inputFilters(read: InputReader) {
  const id = read.text('inputId', null, { fits: isUuid, expected: 'the id of an input' });
  return { ...filters(read), id, type: typeOf(read, INPUT_TYPES) };
}

/** Null: of any. */
function typeOf<const T extends string>(read: InputReader, types: readonly [T, ...T[]]): T | null {
  return read.keys().includes('type') ? read.oneOf('type', types[0], types) : null;
}

const paged = (read: InputReader) => ({
  cursor: anyText(read, 'cursor', 500),
  limit: number(read, 'limit', 50, 1, 200),
});

/** Id, place among the names of the wait, and when it times out: '' for never. */
const WAIT = [ID, PLACE, (part: unknown): boolean => part === '' || isTimestamp(part)];

/** Where the list goes on. */
function fromOf(mark: Mark | null) {
  const [id = '', place = 1, due = ''] = mark?.at ?? [];
  return mark === null ? null : { way: mark.way, id: String(id), place: Number(place), due: String(due) || null };
}

const at = ({ mark: { id, place, due } }: { mark: { id: string; place: number; due: string | null } }) =>
  [id, place, due ?? ''] as const;

const inputs = route({
  method: 'GET',
  path: 'inputs',
  action: 'input.read',
  input: (read) => ({ ...inputFilters(read), ...paged(read) }),
  async handle(call, { type, cursor, limit, ...wanted }): Promise<Page<object>> {
    const sight = { payloads: await call.may('payload.read'), full: false };
    const list = `inputs ${wanted.order}`;
    const mark = markOf(list, cursor, WAIT);
    const reads = await call.services.looks.waits();
    const found = await reads.inputs({ ...wanted, from: fromOf(mark), limit: limit + 1 }, type);
    const page = pageOf(list, found, { mark, limit }, at);
    // The metadata are part of the question; what was answered is a payload.
    const items = page.items.map(({ mark: _, ...one }) => ({
      ...one,
      metadata: showPayload(one.metadata, { payloads: one.status === 'pending' || sight.payloads, full: false }),
      response: one.status === 'completed' ? showPayload(one.response, sight) : null,
    }));
    return { ...page, items };
  },
});

const inputCount = route({
  method: 'GET',
  path: 'inputs/count',
  action: 'input.read',
  input: inputFilters,
  async handle(call, { type, ...wanted }) {
    const reads = await call.services.looks.waits();
    const n = await reads.countInputs(wanted, type, MOST_COUNTED);
    return { n, more: n >= MOST_COUNTED };
  },
});

const events = route({
  method: 'GET',
  path: 'events',
  action: 'event.read',
  input: (read) => ({ ...filters(read), type: typeOf(read, EVENT_WAIT_KINDS), ...paged(read) }),
  async handle(call, { type, cursor, limit, ...wanted }): Promise<Page<object>> {
    const list = `events ${wanted.order}`;
    const mark = markOf(list, cursor, WAIT);
    const reads = await call.services.looks.waits();
    const found = await reads.events({ ...wanted, from: fromOf(mark), limit: limit + 1 }, type);
    const page = pageOf(list, found, { mark, limit }, at);
    return { ...page, items: page.items.map(({ mark: _, ...one }) => one) };
  },
});

/** What somebody who sends an event may begin with. */
const lastPayload = route({
  method: 'GET',
  path: 'events/last',
  action: 'payload.read',
  input: (read) => ({ workflow: requiredText(read, 'workflow'), name: requiredText(read, 'name') }),
  async handle(call, { workflow, name }) {
    const reads = await call.services.looks.waits();
    const found = await reads.lastPayload(workflow, name);
    if (found === null) return { sentAt: null, payload: null };
    return { sentAt: found.sentAt, payload: showPayload(found.payload, { payloads: true, full: false }) };
  },
});

export const inputRoutes = [inputs, inputCount, events, lastPayload];
