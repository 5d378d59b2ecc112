import { type Call, nothing, route } from '../http/call.js';
import { anyText } from '../http/input.js';

/** As long as a proxy keeps a request, as a rule. */
const LONGEST_DRAIN = 600_000;

function queueOf(call: Call, details: Readonly<Record<string, unknown>> = {}): string {
  call.note(details);
  return call.params['name'] ?? '';
}

const pause = route({
  method: 'POST',
  path: 'queues/:name/pause',
  action: 'queue.pause',
  input: (read) => anyText(read, 'reason', 10_000) || null,
  async handle(call, reason) {
    return { changed: await call.services.queues.pause(queueOf(call, reason === null ? {} : { reason })) };
  },
});

const resume = route({
  method: 'POST',
  path: 'queues/:name/resume',
  action: 'queue.resume',
  input: nothing,
  handle: async (call) => ({ changed: await call.services.queues.resume(queueOf(call)) }),
});

const drain = route({
  method: 'POST',
  path: 'queues/:name/drain',
  action: 'queue.drain',
  input: (read) => read.integer('timeout', 30_000, { min: 0, max: LONGEST_DRAIN, unit: 'ms' }),
  handle: async (call, timeout) => ({ idle: await call.services.queues.drain(queueOf(call, { timeout }), timeout) }),
});

export const queueActRoutes = [pause, resume, drain];
