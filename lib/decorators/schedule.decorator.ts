import 'reflect-metadata';
import type { WorkflowClass } from '../core/durable-workflow.js';
import type { ScheduleOptions } from './types.js';

const SCHEDULE_KEY = 'nest-durable:schedules';

/**
 * A schedule of the workflow; it goes on a class with `@Workflow()`, any number of times. The schedule is stored at boot,
 * and each due time starts exactly one run across all nodes.
 *
 * @throws DefinitionError at boot, for a bad cron expression, time zone or option
 * @example
 * ```ts
 * @Schedule({ cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin' })
 * @Workflow()
 * export class ReportWorkflow {
 *   @Step()
 *   async send() {
 *     await mailer.send(`report of ${scheduledTime()?.toISOString()}`);
 *   }
 * }
 * ```
 */
export function Schedule(options: ScheduleOptions) {
  return (target: WorkflowClass): void => {
    // Decorators are applied from the class upwards; the list has them as they are written.
    Reflect.defineMetadata(SCHEDULE_KEY, [options, ...workflowSchedules(target)], target);
  };
}

/** The class's own schedules in the order they are written; a subclass does not inherit them. */
export function workflowSchedules(type: Function): readonly ScheduleOptions[] {
  return (Reflect.getOwnMetadata(SCHEDULE_KEY, type) as readonly ScheduleOptions[] | undefined) ?? [];
}
