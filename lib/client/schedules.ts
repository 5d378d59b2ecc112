import { newRun } from '../core/run/new-run.js';
import { decode } from '../core/codec/codec.js';
import { parsedCron } from '../core/time/cron.js';
import {
  cronOf,
  type StoredSchedule,
  type ScheduleSettings,
  type ScheduleState,
  switchedOff,
  switchedOn,
  updated,
} from '../core/time/schedule.js';
import type { WorkflowRef } from '../core/durable-workflow.js';
import { tellToggled, tellTriggered } from './event-sources.js';
import type { ClientRuntime } from '../lifecycle/host.js';
import { checkText, NAME, refused } from '../core/limits.js';
import {
  readChanges,
  readCreate,
  readScheduleFilters,
  readTrigger,
  type ScheduleFilters,
} from '../options/schedules.js';
import { findWorkflow, storedInput, takeInput, type TakenInput, withWorkflowName } from '../workflows/find-workflow.js';
import type { FoundSchedule } from '../storage/schedules/schedules.js';

const MOST_TIMES = 1_000;

/** The client's methods for schedules: they read their arguments before they wait for anything, and notify the scheduler of this process. */
export class DurableSchedules {
  constructor(
    private readonly ready: () => Promise<ClientRuntime>,
    private readonly maxPayloadBytes: number,
  ) {}

  async create(workflow: WorkflowRef, cron: unknown, options: unknown): Promise<StoredSchedule> {
    const { name: ownName, enabled, timezone, input, settings } = readCreate(options);
    const taken = takeInput(input, this.maxPayloadBytes);
    const parts = await this.ready();
    const target = await findWorkflow(parts, parts.storage.control, workflow);
    const { definition } = target;
    const name = ownName ?? definition.name;
    // Typed as text, and checked to be.
    const times = parsedCron(cron as string, timezone as string);
    const stored = await storedInput(target, taken);
    await parts.storage.schedules.create({
      name,
      workflow: definition.name,
      enabled,
      settings: { ...settings, cron: times.expression, timezone: times.timezone, input: stored },
    });
    return this.changed(parts, name);
  }

  async get(name: unknown): Promise<StoredSchedule | null> {
    const wanted = checkName(name);
    return (await this.ready()).storage.schedules.get(wanted);
  }

  async list(filters: ScheduleFilters): Promise<StoredSchedule[]> {
    const read = readScheduleFilters(filters);
    const parts = await this.ready();
    return parts.storage.schedules.list(withWorkflowName(parts, read));
  }

  async update(name: unknown, raw: unknown): Promise<StoredSchedule> {
    const wanted = checkName(name);
    const { changes, reset } = readChanges(raw);
    const { input, ...rest } = changes;
    const taken = input === undefined ? null : takeInput(input, this.maxPayloadBytes);
    const parts = await this.ready();
    let settings: Partial<ScheduleSettings> = rest;
    if (taken !== null) settings = { ...rest, input: await this.inputFor(parts, wanted, taken) };
    return this.change(parts, wanted, (state, now) => updated(state, settings, reset, now));
  }

  async enable(name: unknown): Promise<StoredSchedule> {
    return this.change(await this.ready(), checkName(name), switchedOn);
  }

  async disable(name: unknown): Promise<StoredSchedule> {
    return this.change(await this.ready(), checkName(name), switchedOff);
  }

  async delete(name: unknown): Promise<void> {
    const wanted = checkName(name);
    await (await this.ready()).storage.schedules.delete(wanted);
  }

  /** @returns the id of the run */
  async trigger(name: unknown, options: unknown): Promise<string> {
    const wanted = checkName(name);
    const own = readTrigger(options);
    const taken = own === undefined ? null : takeInput(own, this.maxPayloadBytes);
    const parts = await this.ready();
    const { state } = await this.find(parts, wanted);
    const target = await findWorkflow(parts, parts.storage.control, state.workflow);
    const { definition, definitionId } = target;
    const given = taken ?? takeInput(decode(state.settings.input), this.maxPayloadBytes);
    const input = await storedInput(target, given);
    const run = newRun({
      workflow: definition.name,
      definitionId,
      queue: state.settings.queue ?? definition.queue,
      priority: definition.priority,
      input,
      traceparent: parts.deps.telemetry?.active() ?? null,
      scheduleName: wanted,
    });
    await parts.storage.schedules.trigger(wanted, run);
    parts.deps.telemetry?.started(run.workflow, 1);
    tellTriggered(parts, wanted, run.workflow, run.id);
    parts.engine.notifyWork([run.queue]);
    return run.id;
  }

  async nextRuns(name: unknown, count: unknown): Promise<Date[]> {
    const wanted = checkName(name);
    if (!Number.isSafeInteger(count) || (count as number) < 1 || (count as number) > MOST_TIMES) {
      throw refused('The count of nextRuns()', 'count', `a whole number from 1 to ${MOST_TIMES}`, count);
    }
    const { state, now } = await this.find(await this.ready(), wanted);
    const cron = cronOf(state);
    const times: Date[] = [];
    for (let at = now; times.length < (count as number); times.push(new Date(at))) at = cron.next(at);
    return times;
  }

  private async change(
    parts: ClientRuntime,
    name: string,
    change: (state: ScheduleState, now: number) => ScheduleState,
  ): Promise<StoredSchedule> {
    let before = false;
    await parts.storage.schedules.change(name, (state, now) => {
      before = state.enabled;
      return change(state, now);
    });
    const schedule = await this.changed(parts, name);
    if (schedule.enabled !== before) tellToggled(parts, name, schedule.workflow, schedule.enabled);
    return schedule;
  }

  private async changed(parts: ClientRuntime, name: string): Promise<StoredSchedule> {
    parts.engine.scheduleChanged();
    return (await this.find(parts, name)).schedule;
  }

  private async find(parts: ClientRuntime, name: string): Promise<FoundSchedule> {
    const { schedules } = parts.storage;
    return (await schedules.find(name)) ?? schedules.notFound(name);
  }

  private async inputFor(parts: ClientRuntime, name: string, input: TakenInput): Promise<string> {
    const { state } = await this.find(parts, name);
    return storedInput(await findWorkflow(parts, parts.storage.control, state.workflow), input);
  }
}

function checkName(name: unknown): string {
  return checkText('The name of a schedule', 'name', name, NAME);
}
