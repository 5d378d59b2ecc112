/** What the dashboard takes from the rest of the package: the one place that names where it is. */
export { decode, encode } from '../core/codec/codec.js';
export { didYouMean } from '../core/did-you-mean.js';
export { isDurableError, type Violation } from '../core/errors/durable-error.js';
export { httpStatusOf } from '../core/errors/http-status.js';
export { ConfigurationError, InvalidInputError } from '../core/errors/errors.js';
export { Faults, given, isObject, listOf, OptionReader } from '../core/option-reader.js';
export { checkAsyncOptions, optionsMadeBy } from '../options/async.js';
export { nameOfPart } from '../core/path-part.js';
export { errorOf, read, textOf } from '../core/text-of.js';
export { schemaViolations } from '../core/input/json-schema.js';
export { isStorable } from '../core/limits.js';
export { isUuid } from '../core/uuid.js';
export type { DurableHost } from '../lifecycle/host.js';
export { packageVersion } from '../telemetry/version.js';
export { EXECUTION_STATUSES, type ExecutionStatus, FINISHED_STATUSES, isFinished } from '../core/run/status.js';
export type {
  Execution,
  ExecutionCounts,
  RunListFilters,
  RunMark,
  RunMatch,
  StepRecord,
  WorkflowSummary,
} from '../core/run/execution.js';
export type { StoredError } from '../core/errors/stored-error.js';
export { LOG_LEVELS, type LogEntry } from '../core/run/log-entry.js';
export type { AuditEntry, AuditRow } from '../storage/client/audit.js';
export type { PgBulkActs } from '../storage/client/bulk-acts.js';
export {
  ExecutionNotFoundError,
  ScheduleNotFoundError,
  SerializationError,
  WorkflowNotFoundError,
} from '../core/errors/errors.js';
export { Cron, parsedCron } from '../core/time/cron.js';
export { cronWords } from '../core/time/cron-words.js';
export type { StoredSchedule } from '../core/time/schedule.js';
export type { Standing } from '../core/standing/standing.js';
export type { DurableEvent } from '../core/run/events.js';
export { ITEM_STATES, type LoopRow } from '../storage/reads/loop-reads.js';
export { placeOf, type StepRow } from '../storage/reads/step-reads.js';
export type { JournalEntry } from '../storage/reads/journal-reads.js';
export type { EndCount } from '../storage/reads/run-stats.js';
export { BEGAN, type Grain, middleOf, quantileOf, type StatsRow } from '../core/run/run-stats.js';
export type { WorkerInfo } from '../client/durable.queues.js';
export { withDeadline } from '../engine/time/deadline.js';
export { INPUT_TYPES } from '../core/run/wait-spec.js';
export { EVENT_WAIT_KINDS } from '../storage/reads/wait-reads.js';
