import { decode, SerializationError } from '../durable.js';
import { json } from '../http/answer.js';
import { type Call, nothing, route } from '../http/call.js';
import { anyText, date, type InputReader, requiredText } from '../http/input.js';
import { checkInput } from './input-check.js';
import { runIdOf } from './runs.js';

/** A reason is kept with the act; an empty one is none. */
function reasonOf(read: InputReader): string | undefined {
  return anyText(read, 'reason', 10_000) || undefined;
}

/** A payload of a request, in which the codec's marks stand for what JSON has not. @throws SerializationError */
export function payloadOf(value: unknown, what: string): unknown {
  if (value === undefined) return undefined;
  try {
    return decode(JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) throw new SerializationError(what, 'it is nested too deeply', { cause: error });
    throw error;
  }
}

/** The run that is acted on, which the audit row names in full. */
async function runOf(call: Call, details: Readonly<Record<string, unknown>>): Promise<string> {
  // Also where there is no such run.
  call.note(details);
  const id = await runIdOf(call);
  call.note({}, { targetKind: 'run', targetId: id });
  return id;
}

const defined = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

const start = route({
  method: 'POST',
  path: 'runs',
  action: 'run.start',
  input: (read) => ({
    workflow: requiredText(read, 'workflow'),
    input: read.take('input'),
    id: read.take('id'),
    idempotencyKey: read.take('idempotencyKey'),
    queue: read.take('queue'),
    priority: read.take('priority'),
    scheduledAt: date(read, 'scheduledAt'),
    tags: read.take('tags'),
  }),
  async handle(call, { workflow, input, ...rest }) {
    const options = defined(rest);
    const { id: _id, idempotencyKey: _key, ...told } = options;
    call.note({ workflow, ...told });
    const given = payloadOf(input, 'input') ?? {};
    await checkInput(call, workflow, given);
    const run = await call.services.client.start(workflow, given, options);
    call.note({}, { targetKind: 'run', targetId: run.id });
    return json(201, { id: run.id });
  },
});

/** What changed nothing says so in its row: it is nobody's doing that things are as they are. */
function noted(call: Call, changed: boolean): { changed: boolean } {
  if (!changed) call.note({ changed });
  return { changed };
}

const cancel = route({
  method: 'POST',
  path: 'runs/:id/cancel',
  action: 'run.cancel',
  input: (read) => ({ reason: reasonOf(read), compensate: read.boolean('compensate', false) }),
  async handle(call, { reason, compensate }) {
    const id = await runOf(call, defined({ reason, compensate: compensate || undefined }));
    if (await call.services.client.cancel(id, reason, { compensate })) return { changed: true };
    // It has ended, or is being undone: an operator wants to know which, and whoever reads of it later.
    const unchanged = defined({ changed: false, status: (await call.services.client.getExecution(id))?.status });
    call.note(unchanged);
    return unchanged;
  },
});

const pause = route({
  method: 'POST',
  path: 'runs/:id/pause',
  action: 'run.pause',
  input: (read) => ({ reason: reasonOf(read) }),
  handle: async (call, told) => noted(call, await call.services.client.pause(await runOf(call, defined(told)))),
});

const resume = route({
  method: 'POST',
  path: 'runs/:id/resume',
  action: 'run.resume',
  input: (read) => ({ reason: reasonOf(read) }),
  handle: async (call, told) => noted(call, await call.services.client.resume(await runOf(call, defined(told)))),
});

const hurry = route({
  method: 'POST',
  path: 'runs/:id/hurry',
  action: 'run.hurry',
  input: (read) => ({ reason: reasonOf(read) }),
  handle: async (call, told) => noted(call, await call.services.client.retryNow(await runOf(call, defined(told)))),
});

const retry = route({
  method: 'POST',
  path: 'runs/:id/retry',
  action: 'run.retry',
  input: nothing,
  async handle(call) {
    const { id } = await call.services.client.retry(await runOf(call, {}));
    call.note({ newRun: id });
    return json(201, { id });
  },
});

const restart = route({
  method: 'POST',
  path: 'runs/:id/restart',
  action: 'run.restart',
  input: (read) => ({ step: requiredText(read, 'step') }),
  async handle(call, { step }) {
    const { id } = await call.services.client.restartFrom(await runOf(call, { step }), step);
    call.note({ newRun: id });
    return json(201, { id });
  },
});

const event = route({
  method: 'POST',
  path: 'runs/:id/events',
  action: 'event.send',
  input: (read) => ({
    name: requiredText(read, 'name'),
    payload: read.take('payload'),
    dedupeKey: read.text('dedupeKey', undefined),
  }),
  async handle(call, { name, payload, dedupeKey }) {
    const id = await runOf(call, { name });
    const options = dedupeKey === undefined ? {} : { dedupeKey };
    await call.services.client.sendEvent(id, name, payloadOf(payload, 'payload'), options);
    return json(202, {});
  },
});

const answer = route({
  method: 'POST',
  path: 'runs/:id/inputs',
  action: 'input.answer',
  input(read) {
    const [inputId, name] = [read.text('inputId', null), read.text('name', null)];
    if ((inputId === null) === (name === null)) read.fault('inputId', 'expected either inputId or name');
    return { inputId, name, data: read.take('data') };
  },
  async handle(call, { inputId, name, data }) {
    const id = await runOf(call, defined({ inputId, name }));
    await call.services.client.provideInput(id, inputId === null ? (name ?? '') : { inputId }, payloadOf(data, 'data'));
    return {};
  },
});

const cancelWait = route({
  method: 'POST',
  path: 'runs/:id/waits/cancel',
  action: 'wait.cancel',
  input: (read) => ({ name: read.text('name', undefined), reason: reasonOf(read) }),
  async handle(call, told) {
    const id = await runOf(call, defined(told));
    return { cancelled: await call.services.client.cancelWait(id, defined(told)) };
  },
});

export const actRoutes = [start, cancel, pause, resume, hurry, retry, restart, event, answer, cancelWait];
