import { audited } from '../acts/audited.js';
import type { StoredSchedule } from '../../core/time/schedule.js';
import { type Context, type Options, text } from '../command.js';
import { manyOf } from '../../core/standing/words.js';
import { usage } from '../failure.js';
import type { Screen } from '../output/screen.js';
import type { Column } from '../output/table.js';
import { type Part, tone } from '../output/text.js';
import { objectJson } from '../values.js';

const PAGE = 1_000;

export async function run(context: Context, [act, name]: readonly string[], options: Options): Promise<void> {
  const { screen } = context;
  if (act === undefined) return list(context);
  if (name === undefined) throw usage(`Which schedule? nest-durable schedules ${act} NAME.`);
  const input = text(options, 'input');
  if (input !== undefined && act !== 'trigger') throw usage('--input belongs to trigger.');
  const given = input === undefined ? {} : { input: objectJson('--input', input) };
  const { client } = await context.clients();
  if (act === 'trigger') {
    const deed = { action: 'schedule.trigger', targetKind: 'schedule', targetId: name } as const;
    const { id } = await audited(
      context,
      deed,
      () => client.triggerSchedule(name, given),
      (started) => ({ details: { newRun: started.id } }),
    );
    return screen.isJson ? screen.json({ id, schedule: name }) : screen.line(id);
  }
  const enabled = act === 'enable';
  const deed = { action: 'schedule.switch', targetKind: 'schedule', targetId: name, details: { enabled } } as const;
  let was: boolean | undefined;
  const work = async (): Promise<StoredSchedule> => {
    was = (await client.getSchedule(name))?.enabled;
    return enabled ? client.enableSchedule(name) : client.disableSchedule(name);
  };
  const schedule = await audited(context, deed, work, () =>
    was === enabled ? { details: { enabled, changed: false } } : {},
  );
  if (screen.isJson) return screen.json(schedule);
  const next =
    schedule.enabled && schedule.nextRunAt !== null ? `; its next run is ${screen.ago(schedule.nextRunAt)}` : '';
  const state = schedule.enabled ? 'enabled' : 'disabled';
  screen.line(`Schedule ${name} ${was === enabled ? `was ${state} already` : `is ${state}`}${next}.`);
}

async function list(context: Context): Promise<void> {
  const { screen } = context;
  const { client } = await context.clients();
  const schedules: StoredSchedule[] = [];
  for (let page: StoredSchedule[] | null = null; page === null || page.length === PAGE;) {
    page = await client.listSchedules({ limit: PAGE, offset: schedules.length });
    schedules.push(...page);
  }
  if (screen.isJson) return screen.json(schedules);
  if (schedules.length === 0) return screen.say('There is no schedule.');
  screen.lines(screen.table(columns(screen)).lines(schedules));
  for (const { name, lastError, consecutiveFailures } of schedules) {
    if (lastError === null || consecutiveFailures === 0) continue;
    screen.lines(screen.wrap(tone('yellow', `${name}: ${lastError.name}: ${lastError.message}`), 2));
  }
}

function columns(screen: Screen): Column<StoredSchedule>[] {
  return [
    { title: 'SCHEDULE', of: ({ name }) => name, least: 12 },
    { title: 'STATE', of: stateOf },
    { title: 'CRON', of: ({ cron }) => cron, drop: 2 },
    { title: 'ZONE', of: ({ timezone }) => timezone, drop: 5 },
    { title: 'NEXT', of: (one) => (isOn(one) ? screen.ago(one.nextRunAt) : ''), drop: 1 },
    { title: 'LAST', of: ({ lastRunAt }) => screen.ago(lastRunAt), drop: 4 },
    { title: 'WORKFLOW', of: ({ workflow }) => workflow, least: 12, drop: 3 },
  ];
}

function isOn({ enabled, removedAt }: StoredSchedule): boolean {
  return enabled && removedAt === null;
}

function stateOf({ enabled, removedAt, autoDisabledAt, consecutiveFailures }: StoredSchedule): Part {
  if (removedAt !== null) return tone('dim', 'removed from the code');
  if (autoDisabledAt !== null) return tone('red', 'switched off: failed');
  if (!enabled) return tone('dim', 'disabled');
  return consecutiveFailures === 0 ? 'enabled' : tone('yellow', `failed ${manyOf(consecutiveFailures, 'time')}`);
}
