import { nothing, route } from '../http/call.js';

const queues = route({
  method: 'GET',
  path: 'queues',
  action: 'queue.read',
  input: nothing,
  handle: async (call) => ({ items: await call.services.looks.allQueues() }),
});

const workers = route({
  method: 'GET',
  path: 'workers',
  action: 'queue.read',
  input: nothing,
  handle: async (call) => ({ items: await call.services.looks.queues.workers() }),
});

export const queueRoutes = [queues, workers];
