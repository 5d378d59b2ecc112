import type { QueueStats, QueueStatus } from '../../client/durable.queues.js';
import type { Column } from '../output/table.js';
import { tone } from '../output/text.js';
import { span } from '../output/time.js';

export function queueColumns(): Column<QueueStatus>[] {
  return [
    { title: 'QUEUE', of: ({ name }) => name, least: 12 },
    { title: 'STATE', of: (queue) => stateOf(queue) },
    { title: 'READY', of: ({ pending }) => String(pending), align: 'right' },
    { title: 'RUNNING', of: ({ running }) => String(running), align: 'right' },
    { title: 'WORKERS', of: ({ workers }) => String(workers), align: 'right' },
    { title: 'LIMITS', of: (queue) => limitsOf(queue), drop: 1 },
  ];
}

/** Beside these: how many of the ready ones the limit of a key keeps back, and for how long the oldest of all has waited. */
export function loadColumns(): Column<QueueStatus & Pick<QueueStats, 'limited' | 'lag'>>[] {
  return [
    ...queueColumns(),
    { title: 'LIMITED', of: ({ limited }) => (limited === 0 ? '' : String(limited)), align: 'right', drop: 3 },
    { title: 'OLDEST', of: ({ lag }) => (lag === 0 ? '' : span(lag)), align: 'right', drop: 2 },
  ];
}

function stateOf({ paused, workers, pending }: QueueStatus): ReturnType<typeof tone> | string {
  if (paused) return tone('magenta', 'paused');
  return workers === 0 && pending > 0 ? tone('yellow', 'no worker') : 'open';
}

function limitsOf({ globalConcurrency, rateLimit }: QueueStatus): string {
  return [
    ...(globalConcurrency === null ? [] : [`${globalConcurrency} at a time`]),
    ...(rateLimit === null ? [] : [`${rateLimit.limit} ${rateLimit.counts} in ${rateLimit.period / 1_000} s`]),
  ].join(', ');
}
