import { nothing, route } from '../http/call.js';

const queues = route({
  method: 'GET',
  path: 'queues',
  action: 'queue.read',
  input: nothing,
  async handle(call) {
    const { queues: looks } = call.services.looks;
    const items = [];
    for (const status of await looks.list()) {
      const stats = await looks.stats(status.name);
      // A queue that went meanwhile has none.
      if (stats === null) continue;
      const { paused: pausedRuns, ...rest } = stats;
      items.push({ ...rest, ...status, pausedRuns });
    }
    return { items };
  },
});

const workers = route({
  method: 'GET',
  path: 'workers',
  action: 'queue.read',
  input: nothing,
  handle: async (call) => ({ items: await call.services.looks.queues.workers() }),
});

export const queueRoutes = [queues, workers];
