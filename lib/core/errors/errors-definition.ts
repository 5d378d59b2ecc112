import { didYouMean } from '../did-you-mean.js';
import { DurableError, listViolations, nameErrors, type Violation } from './durable-error.js';

/** A workflow class is written in a way that cannot run; the boot stops. */
export class DefinitionError extends DurableError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('DEFINITION', message, options);
  }
}

/** The place a run stands at is gone from the code, or is another kind of member; the run is paused. */
export class DefinitionChangedError extends DurableError {
  constructor(
    readonly workflow: string,
    readonly path: string,
    /** The rest of a sentence about the place. */
    why: string,
  ) {
    super(
      'DEFINITION_CHANGED',
      `Workflow "${workflow}" cannot go on at "${path}": that place ${why}. ` +
        'The run is paused; deploy code that has that place again, then resume the run.',
    );
  }
}

const CIRCULAR =
  'It is undefined where it is used: as a rule two files import each other. Give the name of the workflow in its place, or ' +
  'move what both need into a third file.';

const LATE =
  'Its module was loaded after the boot (LazyModuleLoader), and workflows are found at the boot: import the module in one ' +
  'that the app boots with.';

const HOW_TO_REGISTER =
  'List the @Workflow() class in the providers of a module; in a process that only starts runs (an API) it need not be one: ' +
  'there a worker that has it must have booted before, on the same database and schema, which stores its definition.';

const otherClient = (instance: string | null): string =>
  instance === null
    ? ''
    : `Its class says that it is of the instance '${instance}', whose client is that of @InjectDurable('${instance}'). `;

interface GivenWorkflow {
  readonly isUndefined?: boolean;
  readonly instance?: string | null;
  readonly isLate?: boolean;
}

/** No workflow of that name is registered here or stored in the database. */
export class WorkflowNotFoundError extends DurableError {
  constructor(
    readonly workflow: string,
    known: readonly string[],
    /** What was given: no class where one was meant, one of another instance of the module, or one that came after the boot. */
    { isUndefined = false, instance = null, isLate = false }: GivenWorkflow = {},
  ) {
    const hint = didYouMean(workflow, known);
    const listed =
      known.length === 0
        ? 'No workflow is registered, and none is stored in the database.'
        : `Known workflows: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}.`;
    const mend = isLate ? LATE : otherClient(instance) + HOW_TO_REGISTER;
    super(
      'WORKFLOW_NOT_FOUND',
      `There is no workflow "${workflow}".${hint} ${listed} ${isUndefined ? CIRCULAR : mend}`,
    );
  }
}

/** Options of the module or of a decorator are wrong; every fault is listed. */
export class ConfigurationError extends DurableError {
  constructor(
    readonly violations: readonly Violation[],
    options?: { cause?: unknown },
  ) {
    super('CONFIGURATION', `The configuration cannot be used:${listViolations(violations)}`, options);
  }
}

/** A cron expression, or its timezone, cannot be understood. */
export class InvalidCronError extends DurableError {
  constructor(
    readonly cron: string,
    why: string,
  ) {
    super('INVALID_CRON', `The cron expression ${JSON.stringify(cron.slice(0, 256))} is not valid: ${why}.`);
  }
}

/** There is no schedule of that name. */
export class ScheduleNotFoundError extends DurableError {
  constructor(
    readonly schedule: string,
    known: readonly string[] = [],
  ) {
    super(
      'SCHEDULE_NOT_FOUND',
      `There is no schedule "${schedule}".${didYouMean(schedule, known)} listSchedules() gives those there are, and so does nest-durable schedules.`,
    );
  }
}

/** The name of a new schedule is taken. */
export class ScheduleExistsError extends DurableError {
  constructor(readonly schedule: string) {
    super(
      'SCHEDULE_EXISTS',
      `There is a schedule "${schedule}" already. Choose another name, or change that one with updateSchedule().`,
    );
  }
}

/** No process, run, setting, workflow or schedule knows of a queue of that name. */
export class QueueNotFoundError extends DurableError {
  constructor(
    readonly queue: string,
    known: readonly string[] = [],
  ) {
    super(
      'QUEUE_NOT_FOUND',
      `There is no queue "${queue}": no process works on it, and no run, workflow or schedule names it.${didYouMean(queue, known)} ` +
        'DurableQueues.list() gives those there are, and so does nest-durable queues.',
    );
  }
}

/** PostgreSQL cannot be reached, or does not answer. */
export class DatabaseUnavailableError extends DurableError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('DATABASE_UNAVAILABLE', message, options);
  }
}

/** The tables are not those of this version, or could not be brought there. */
export class MigrationError extends DurableError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('MIGRATION', message, options);
  }
}

nameErrors({
  DefinitionError,
  DefinitionChangedError,
  WorkflowNotFoundError,
  ConfigurationError,
  InvalidCronError,
  ScheduleNotFoundError,
  ScheduleExistsError,
  QueueNotFoundError,
  DatabaseUnavailableError,
  MigrationError,
});
