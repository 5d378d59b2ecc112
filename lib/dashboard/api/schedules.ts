import { Cron, cronWords, parsedCron, ScheduleNotFoundError, type StoredSchedule } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { anyText, type InputReader, number } from '../http/input.js';
import { type RunRow, rowsOf } from './runs.js';
import { showError, showPayload, type Sight } from './show.js';

const MOST = 1_000;
const RUNS = 5;
/** Runs whose sentences are looked up together. */
const PAGE = 100;

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

/** None where its cron or zone cannot be understood, which is told by its failures: the others are listed. */
function timesOrNone(...asked: Parameters<typeof nextTimes>): Date[] {
  try {
    return nextTimes(...asked);
  } catch {
    return [];
  }
}

interface Wanted {
  /** Due times. */
  readonly next: number;
  /** Last runs: without any a list costs next to nothing. */
  readonly last: number;
}

const wanted = (read: InputReader): Wanted => ({
  next: number(read, 'next', 5, 0, 50),
  last: number(read, 'runs', RUNS, 0, RUNS),
});

/** With the last runs of each, looked up and shown by as many statements as those of one. */
async function shown(call: Call, schedules: readonly StoredSchedule[], { next, last }: Wanted): Promise<object[]> {
  const { looks } = call.services;
  const sight = { payloads: await call.may('payload.read'), full: false };
  const reads = await looks.reads();
  const now = await looks.now();
  const runs = await (await looks.people()).runsOfSchedules(last === 0 ? [] : schedules, last);
  const rows = new Map<string, RunRow>();
  const all = [...runs.values()].flat();
  for (let at = 0; at < all.length; at += PAGE) {
    for (const row of await rowsOf(call, await reads.byIds(all.slice(at, at + PAGE)))) rows.set(row.id, row);
  }
  return schedules.map((schedule) => ({
    ...showSchedule(schedule, sight),
    words: cronWords(schedule.cron),
    next: schedule.removedAt === null ? timesOrNone(schedule, now, next) : [],
    runs: (runs.get(schedule.name) ?? []).flatMap((id) => rows.get(id) ?? []),
  }));
}

const list = route({
  method: 'GET',
  path: 'schedules',
  action: 'schedule.read',
  input: wanted,
  async handle(call, asked) {
    return { items: await shown(call, await call.services.looks.client.listSchedules({ limit: MOST }), asked) };
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
  input: wanted,
  async handle(call, asked) {
    const name = call.params['name'] ?? '';
    const schedule = await call.services.looks.client.getSchedule(name);
    if (schedule === null) throw new ScheduleNotFoundError(name);
    const [found = {}] = await shown(call, [schedule], asked);
    return found;
  },
});

export const scheduleRoutes = [list, preview, one];
