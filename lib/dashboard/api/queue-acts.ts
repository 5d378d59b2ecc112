import { type Call, nothing, route } from '../http/call.js';
import { anyText } from '../http/input.js';

/** As long as a proxy keeps a request, as a rule. */
const LONGEST_DRAIN = 600_000;

function queueOf(call: Call, details: Readonly<Record<string, unknown>> = {}): string {
  call.note(details);
  return call.params['name'] ?? '';
}

/** Tells the pages of this process; others see it when they look. */
function told<T>(call: Call, result: T): T {
  const data = { name: call.params['name'] ?? '' };
  call.services.streams.tell({ kind: 'queue', topic: 'queues', runId: null, data });
  return result;
}

/** What changed nothing says so in its row: it is not for this that the queue is paused. */
function noted(call: Call, changed: boolean): { changed: boolean } {
  if (!changed) call.note({ changed });
  return { changed };
}

const pause = route({
  method: 'POST',
  path: 'queues/:name/pause',
  action: 'queue.pause',
  input: (read) => anyText(read, 'reason', 10_000) || null,
  async handle(call, reason) {
    const changed = await call.services.queues.pause(queueOf(call, reason === null ? {} : { reason }));
    return told(call, noted(call, changed));
  },
});

const resume = route({
  method: 'POST',
  path: 'queues/:name/resume',
  action: 'queue.resume',
  input: nothing,
  handle: async (call) => told(call, noted(call, await call.services.queues.resume(queueOf(call)))),
});

const drain = route({
  method: 'POST',
  path: 'queues/:name/drain',
  action: 'queue.drain',
  input: (read) => read.integer('timeout', 30_000, { min: 0, max: LONGEST_DRAIN, unit: 'ms' }),
  async handle(call, timeout) {
    const { queues } = call.services;
    const name = queueOf(call, { timeout });
    noted(call, (await queues.status(name))?.paused !== true);
    return told(call, { idle: await queues.drain(name, timeout) });
  },
});

export const queueActRoutes = [pause, resume, drain];
