import { isUuid } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { readCursor, writeCursor } from '../http/cursor.js';
import { anyText, date, type InputReader, number, several } from '../http/input.js';
import { type Page, showPayload } from './show.js';

const STATUSES = ['pending', 'completed', 'timed_out', 'cancelled'] as const;
/** What one look of the client gives at most. */
const MOST = 1_000;

function common(read: InputReader) {
  return {
    workflow: anyText(read, 'workflow', 200),
    type: anyText(read, 'type', 50),
    name: anyText(read, 'name', 600),
    status: several(read, 'status', STATUSES) ?? ['pending' as const],
    executionId: read.text('executionId', null, { fits: isUuid, expected: 'the id of a run' }),
    timeoutBefore: date(read, 'timeoutBefore'),
    order: read.oneOf('order', 'asked', ['asked', 'timeout']),
    cursor: anyText(read, 'cursor', 500),
    limit: number(read, 'limit', 50, 1, 200),
  };
}

type Asked = ReturnType<typeof common>;

async function inputsOf(call: Call, asked: Asked, limit = MOST) {
  const { workflow, executionId, timeoutBefore, status, type, name } = asked;
  const found = await call.services.looks.client.listPendingInputs({
    status,
    limit,
    ...(workflow !== null && { workflow }),
    ...(executionId !== null && { executionId }),
    ...(timeoutBefore !== null && { timeoutBefore }),
  });
  return ordered(
    found.filter((one) => (type === null || one.type === type) && (name === null || one.name === name)),
    asked,
  );
}

function ordered<T extends { readonly timeoutAt: Date | null }>(found: T[], { order }: Asked): T[] {
  if (order === 'asked') return found;
  return found.toSorted((a, b) => (a.timeoutAt?.getTime() ?? Infinity) - (b.timeoutAt?.getTime() ?? Infinity) || 0);
}

function page<T>(list: string, all: readonly T[], { cursor, limit }: Asked): Page<T> {
  const [from = 0] = cursor === null ? [] : readCursor(list, cursor).map(Number);
  return {
    items: all.slice(from, from + limit),
    next: from + limit < all.length ? writeCursor(list, [from + limit]) : null,
    prev: from > 0 ? writeCursor(list, [Math.max(0, from - limit)]) : null,
  };
}

const inputs = route({
  method: 'GET',
  path: 'inputs',
  action: 'input.read',
  input: common,
  async handle(call, asked) {
    const sight = { payloads: await call.may('payload.read'), full: false };
    const found = page('inputs', await inputsOf(call, asked), asked);
    // The metadata are part of the question; what was answered is a payload.
    const items = found.items.map((one) => ({
      ...one,
      metadata: showPayload(one.metadata, { payloads: one.status === 'pending' || sight.payloads, full: false }),
      response: one.status === 'completed' ? showPayload(one.response, sight) : null,
    }));
    return { ...found, items };
  },
});

const inputCount = route({
  method: 'GET',
  path: 'inputs/count',
  action: 'input.read',
  input: common,
  async handle(call, asked) {
    const { length } = await inputsOf(call, asked);
    return { n: length, more: length >= MOST };
  },
});

const events = route({
  method: 'GET',
  path: 'events',
  action: 'event.read',
  input: common,
  async handle(call, asked) {
    const { workflow, name, status, executionId, timeoutBefore } = asked;
    const found = await call.services.looks.client.listPendingEvents({
      status,
      limit: MOST,
      ...(name !== null && { eventName: name }),
    });
    const fitting = found.filter(
      (one) =>
        (workflow === null || one.workflow === workflow) &&
        (executionId === null || one.executionId === executionId.toLowerCase()) &&
        (timeoutBefore === null || (one.timeoutAt !== null && one.timeoutAt < timeoutBefore)),
    );
    return page('events', ordered(fitting, asked), asked);
  },
});

export const inputRoutes = [inputs, inputCount, events];
