import { ScheduleNotFoundError, type StoredSchedule } from '../durable.js';
import { json } from '../http/answer.js';
import { type Call, nothing, route } from '../http/call.js';
import { type InputReader, requiredText } from '../http/input.js';
import { payloadOf } from './acts.js';
import { checkInput } from './input-check.js';
import { sightOf } from './runs.js';
import { showSchedule } from './schedules.js';

const CHANGES = ['cron', 'timezone', 'queue', 'overlap', 'catchUp', 'catchUpWindow', 'catchUpLimit', 'reset'] as const;

/** What may be said of a schedule: the client checks what it is, and the input stays apart. */
function changesOf(read: InputReader, keys: readonly string[] = CHANGES) {
  const input = read.take('input');
  const rest = Object.fromEntries(keys.flatMap((key) => (read.take(key) === undefined ? [] : [[key, read.take(key)]])));
  return { input, rest };
}

const withInput = (rest: Record<string, unknown>, input: unknown): Record<string, unknown> =>
  input === undefined ? rest : { ...rest, input: payloadOf(input, 'input') };

async function scheduleOf(call: Call): Promise<StoredSchedule> {
  const name = call.params['name'] ?? '';
  const found = await call.services.client.getSchedule(name);
  if (found === null) throw new ScheduleNotFoundError(name);
  return found;
}

/** What an audit row says of the settings: those that differ, without inputs. */
function differing(before: StoredSchedule, after: StoredSchedule): Record<string, unknown> {
  const told = ['cron', 'timezone', 'queue', 'overlap', 'catchUp', 'catchUpWindow', 'catchUpLimit', 'enabled'] as const;
  const changed = told.filter((key) => before[key] !== after[key]);
  const of = (one: StoredSchedule) => Object.fromEntries(changed.map((key) => [key, one[key]]));
  return { before: of(before), after: of(after) };
}

const create = route({
  method: 'POST',
  path: 'schedules',
  action: 'schedule.write',
  input: (read) => {
    const [workflow, cron] = [requiredText(read, 'workflow'), read.take('cron')];
    const keys = ['name', 'enabled', ...CHANGES.filter((key) => key !== 'cron' && key !== 'reset')];
    return { workflow, cron, ...changesOf(read, keys) };
  },
  async handle(call, { workflow, cron, input, rest }) {
    call.note({ workflow, cron, ...rest });
    const options = withInput(rest, input);
    await checkInput(call, workflow, options['input'] ?? {});
    const made = await call.services.client.schedule(workflow, cron as string, options);
    call.note({}, { targetKind: 'schedule', targetId: made.name });
    return json(201, showSchedule(made, await sightOf(call)));
  },
});

const update = route({
  method: 'PATCH',
  path: 'schedules/:name',
  action: 'schedule.write',
  input: changesOf,
  async handle(call, { input, rest }) {
    call.note({ after: rest, ...(input !== undefined && { input: 'changed' }) });
    const before = await scheduleOf(call);
    const changes = withInput(rest, input);
    if (input !== undefined) await checkInput(call, before.workflow, changes['input']);
    const after = await call.services.client.updateSchedule(before.name, changes);
    call.note(differing(before, after));
    return showSchedule(after, await sightOf(call));
  },
});

const remove = route({
  method: 'DELETE',
  path: 'schedules/:name',
  action: 'schedule.write',
  input: nothing,
  async handle(call) {
    call.note({ deleted: true });
    await call.services.client.deleteSchedule(call.params['name'] ?? '');
    return {};
  },
});

const trigger = route({
  method: 'POST',
  path: 'schedules/:name/trigger',
  action: 'schedule.trigger',
  input: (read) => read.take('input'),
  async handle(call, input) {
    const { name, workflow, input: own } = await scheduleOf(call);
    const given = input === undefined ? undefined : (payloadOf(input, 'input') as object);
    await checkInput(call, workflow, given ?? own);
    const { id } = await call.services.client.triggerSchedule(name, given === undefined ? {} : { input: given });
    call.note({ newRun: id });
    return json(201, { id });
  },
});

const flip = route({
  method: 'POST',
  path: 'schedules/:name/switch',
  action: 'schedule.switch',
  input(read) {
    const enabled = read.take('enabled');
    if (typeof enabled !== 'boolean') read.expected('enabled', 'true or false', enabled);
    return enabled === true;
  },
  async handle(call, enabled) {
    call.note({ enabled });
    const { client } = call.services;
    const name = call.params['name'] ?? '';
    const after = await (enabled ? client.enableSchedule(name) : client.disableSchedule(name));
    return { enabled: after.enabled };
  },
});

export const scheduleActRoutes = [create, update, remove, trigger, flip];
