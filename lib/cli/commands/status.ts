import type { ExecutionCounts } from '../../core/run/execution.js';
import { EXECUTION_STATUSES } from '../../core/run/status.js';
import { manyOf } from '../../core/standing/words.js';
import type { Context } from '../command.js';
import { tone } from '../output/text.js';
import { queueColumns } from '../queues/columns.js';
import { statusPart } from '../runs/status-look.js';

/** Questions and schedules that are counted; of more than this it is said so. */
const MOST = 1_000;

export async function run(context: Context): Promise<void> {
  const { screen } = context;
  const database = await context.database();
  const { client, queues } = await context.clients();
  const [counts, queueRows, workers, schedules, inputs] = await Promise.all([
    client.executionCounts(),
    queues.list(),
    queues.workers(),
    client.listSchedules({ limit: MOST }),
    client.listPendingInputs({ limit: MOST }),
  ]);
  const failing = schedules.filter(({ removedAt, autoDisabledAt, consecutiveFailures }) => {
    return removedAt === null && (autoDisabledAt !== null || consecutiveFailures > 0);
  });
  const alive = workers.filter((worker) => worker.alive);
  if (screen.isJson) {
    return screen.json({
      database: database.name,
      schema: database.schema,
      counts,
      queues: queueRows,
      workers: { alive: alive.length, total: workers.length },
      schedules: {
        total: schedules.length,
        more: schedules.length >= MOST,
        enabled: schedules.filter(({ enabled, removedAt }) => enabled && removedAt === null).length,
        failing: failing.map(({ name }) => name),
      },
      pendingInputs: inputs.length,
      pendingInputsMore: inputs.length >= MOST,
    });
  }
  screen.lines(screen.wrap(tone('bold', `${database.name}, schema ${database.schema}`), 2));
  screen.line('');
  for (const line of countLines(counts)) screen.line(...line);
  screen.line('');
  if (queueRows.length > 0) {
    screen.lines(screen.table(queueColumns()).lines(queueRows));
    screen.line('');
  }
  const silent = workers.length > alive.length ? `, ${workers.length - alive.length} more out of touch` : '';
  const last = `${many(schedules.length, 'schedule')}; ${atLeast(inputs.length)} waiting for a person`;
  screen.lines(screen.wrap(`${many(alive.length, 'worker')}${silent}; ${last}`, 2));
  if (alive.length === 0 && unfinished(counts) > 0) {
    screen.lines(screen.wrap(tone('yellow', 'No worker is alive: nothing goes on. Start the app.'), 2));
  }
  for (const { name, autoDisabledAt, consecutiveFailures } of failing) {
    const what =
      autoDisabledAt === null ? `has failed ${manyOf(consecutiveFailures, 'time')}` : 'was switched off after failures';
    screen.lines(screen.wrap(tone('yellow', `Schedule ${name} ${what}: nest-durable schedules`), 2));
  }
}

function countLines(counts: ExecutionCounts): ReturnType<typeof statusPart>[][] {
  const widest = Math.max(...EXECUTION_STATUSES.map((status) => String(counts[status]).length));
  return EXECUTION_STATUSES.filter((status) => counts[status] > 0 || ['running', 'completed', 'failed'].includes(status))
    .map((status) => ['  ', String(counts[status]).padStart(widest), '  ', statusPart(status)]); // prettier-ignore
}

function unfinished({ pending, running, waiting, compensating }: ExecutionCounts): number {
  return pending + running + waiting + compensating;
}

function many(count: number, noun: string): string {
  return `${atLeast(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function atLeast(count: number): string {
  return count >= MOST ? `${MOST} or more` : String(count);
}
