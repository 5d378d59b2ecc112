import { Cron, cronWords, parsedCron, ScheduleNotFoundError, type StoredSchedule } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { anyText, number } from '../http/input.js';
import { rowsOf } from './runs.js';
import { showError, showPayload, type Sight } from './show.js';

const MOST = 1_000;
const RUNS = 5;

export function showSchedule(schedule: StoredSchedule, sight: Sight): object {
  const { input, lastError, ...rest } = schedule;
  return { ...rest, input: showPayload(input, sight), lastError: showError(lastError, sight) };
}

/** The next due times after now, as if it were enabled. */
function nextTimes({ cron, timezone }: Pick<StoredSchedule, 'cron' | 'timezone'>, now: number, count: number): Date[] {
  const times: Date[] = [];
  const of = new Cron(cron, timezone);
  for (let at = now; times.length < count;) times.push(new Date((at = of.next(at))));
  return times;
}

async function shown(call: Call, schedule: StoredSchedule, next: number): Promise<object> {
  const { looks } = call.services;
  const sight = { payloads: await call.may('payload.read'), full: false };
  const match = { texts: [{ field: 'schedule' as const, not: false, values: [schedule.name] }] };
  const reads = await looks.reads();
  const runs = await reads.listExecutions({ workflow: schedule.workflow, match, limit: RUNS });
  const times = schedule.removedAt === null ? nextTimes(schedule, await looks.now(), next) : [];
  const words = cronWords(schedule.cron);
  return { ...showSchedule(schedule, sight), words, next: times, runs: await rowsOf(call, runs) };
}

const list = route({
  method: 'GET',
  path: 'schedules',
  action: 'schedule.read',
  input: (read) => number(read, 'next', 5, 0, 50),
  async handle(call, next) {
    const found = await call.services.looks.client.listSchedules({ limit: MOST });
    const items = [];
    for (const schedule of found) items.push(await shown(call, schedule, next));
    return { items };
  },
});

const preview = route({
  method: 'GET',
  path: 'schedules/preview',
  action: 'schedule.read',
  input: (read) => ({ cron: anyText(read, 'cron', 300), timezone: anyText(read, 'timezone', 100) }),
  async handle(call, { cron, timezone }) {
    const found = parsedCron(cron ?? '', timezone ?? 'UTC');
    const now = await call.services.looks.now();
    const { expression, timezone: zone } = found;
    return { words: cronWords(expression), next: nextTimes({ cron: expression, timezone: zone }, now, 5) };
  },
});

const one = route({
  method: 'GET',
  path: 'schedules/:name',
  action: 'schedule.read',
  input: (read) => number(read, 'next', 5, 0, 50),
  async handle(call, next) {
    const name = call.params['name'] ?? '';
    const schedule = await call.services.looks.client.getSchedule(name);
    if (schedule === null) throw new ScheduleNotFoundError(name);
    return shown(call, schedule, next);
  },
});

export const scheduleRoutes = [list, preview, one];
