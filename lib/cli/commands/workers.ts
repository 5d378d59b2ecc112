import type { WorkerInfo } from '../../client/durable.queues.js';
import type { Context } from '../command.js';
import type { Screen } from '../output/screen.js';
import type { Column } from '../output/table.js';
import { tone } from '../output/text.js';
import { span } from '../output/time.js';

export async function run(context: Context): Promise<void> {
  const { screen } = context;
  const { queues } = await context.clients();
  const workers = await queues.workers();
  if (screen.isJson) return screen.json(workers);
  if (workers.length === 0) return screen.say('No worker: nothing goes on until an app is started.');
  screen.lines(screen.table(columns(screen)).lines(workers));
  const attempts = workers.flatMap(({ inFlight }) => inFlight);
  if (attempts.length === 0) return;
  screen.line('');
  screen.line(tone('bold', 'Running now'));
  for (const { path, executionId, attempt, startedAt } of attempts) {
    const tries = attempt > 1 ? `, attempt ${attempt}` : '';
    const since = span(screen.now() - startedAt.getTime());
    screen.lines(screen.wrap(['  ', path, tone('dim', `${tries} of ${executionId} for ${since}`)], 4));
  }
}

/** All that it runs at a time at most. */
function placesOf(capacity: WorkerInfo['capacity']): number {
  return Object.values(capacity).reduce((sum, places) => sum + places, 0);
}

function columns(screen: Screen): Column<WorkerInfo>[] {
  return [
    { title: 'WORKER', of: ({ host, pid }) => `${host}:${pid}`, least: 16 },
    { title: 'STATE', of: ({ alive }) => (alive ? 'alive' : tone('red', 'out of touch')) },
    { title: 'HOLDS', of: ({ held }) => String(held), align: 'right' },
    { title: 'PLACES', of: ({ capacity }) => String(placesOf(capacity)), align: 'right', drop: 7 },
    { title: 'SEEN', of: ({ seenAt }) => screen.ago(seenAt), drop: 1 },
    { title: 'STARTED', of: ({ startedAt }) => screen.ago(startedAt), drop: 3 },
    { title: 'VERSION', of: ({ version }) => version, drop: 4 },
    { title: 'TOLD BY', of: ({ listening }) => (listening ? 'hints' : tone('yellow', 'polling')), drop: 6 },
    {
      title: 'BEHIND',
      of: ({ behind }) => (behind.length === 0 ? '' : tone('yellow', behind.join(', '))),
      least: 8,
      drop: 2,
    },
    { title: 'QUEUES', of: ({ queues }) => queues.join(', '), least: 10, drop: 2 },
    { title: 'WORKFLOWS', of: ({ workflows }) => workflows.join(', '), least: 12, drop: 5 },
  ];
}
