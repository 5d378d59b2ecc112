/** The public door of nest-durable: what is not named here is not part of the package's contract. */
export { DurableModule, type DurableModuleAsyncOptions } from './durable.module.js';
export type { DurableOptionsFactory } from './durable.module-definition.js';
export type {
  DurableFactoryOptions,
  DurableModuleOptions,
  LogOptions,
  QueueOptions,
  RateLimit,
  RetentionOptions,
} from './options/module.js';
export { DurableClient } from './client/durable.client.js';
export type { CleanupOptions } from './options/cleanup.js';
export { DurableExceptionFilter, type DurableErrorBody } from './client/durable.exception-filter.js';
export { DurableEvents } from './client/durable.events.js';
export { DURABLE_EVENT_KINDS, type DurableEvent, type DurableEventKind } from './core/run/events.js';
export {
  DurableHealthIndicator,
  type DurableHealth,
  type DurableHealthResult,
  type ReadinessOptions,
} from './client/durable.health.js';
export {
  DurableQueues,
  type QueueStats,
  type QueueStatus,
  type WorkerAttempt,
  type WorkerInfo,
} from './client/durable.queues.js';
export type { BulkRefusal, BulkResult } from './client/bulk.js';
export type { BulkOptions, CancelManyOptions } from './options/bulk.js';
export { WorkflowHandle, type ResultOptions } from './client/handle.js';
export type { CreateScheduleOptions, ScheduleChanges, ScheduleFilters } from './options/schedules.js';
export type { SharedStartOptions, StartManyItem, StartOptions } from './options/start.js';
export type {
  CompensationResult,
  Execution,
  ExecutionCounts,
  ExecutionFilters,
  ExecutionListFilters,
  ExecutionStatus,
  GetExecutionOptions,
  GetStepsOptions,
  LogEntry,
  LogLevel,
  PendingEvent,
  PendingEventFilters,
  PendingInput,
  PendingInputListFilters,
  PendingStatus,
  BlockedBy,
  EventFilters,
  RestartPoint,
  SentEvent,
  WorkflowVersion,
  Standing,
  StandingKind,
  StandingWait,
  OnceValue,
  StepRecord,
  StoredSchedule,
  WorkflowSummary,
} from './client/filters.js';
export type { CancelOptions, CancelWaitOptions, SendEventOptions } from './options/waits.js';
export {
  getDurableClientToken,
  getDurableEventsToken,
  getDurableHealthIndicatorToken,
  getDurableQueuesToken,
} from './decorators/tokens.js';

export { Branch } from './decorators/branch.decorator.js';
export { Compensate } from './decorators/compensate.decorator.js';
export { Decision } from './decorators/decision.decorator.js';
export {
  DurableWorkflow,
  type InputOf,
  type ResultOf,
  type WorkflowClass,
  type WorkflowRef,
} from './core/durable-workflow.js';
export { ForEach } from './decorators/for-each.decorator.js';
export { InjectDurable } from './decorators/inject-durable.decorator.js';
export { Parallel } from './decorators/parallel.decorator.js';
export { Schedule } from './decorators/schedule.decorator.js';
export { Step } from './decorators/step.decorator.js';
export { Workflow } from './decorators/workflow.decorator.js';
export type {
  CompensateOptions,
  DecisionOptions,
  ForEachOptions,
  MemberOptions,
  ParallelOptions,
  RetryOptions,
  ScheduleOptions,
  StepOptions,
  WorkflowOptions,
} from './decorators/types.js';

export { callWorkflow, startWorkflow, type CallOptions, type ChildOptions } from './engine/step/child-functions.js';
export {
  scheduleAt,
  sleep,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoice,
  waitForChoices,
  waitForEvent,
  waitForForm,
  waitForInput,
  waitForText,
} from './engine/step/wait-functions.js';
export type { InputOptions, WaitOptions } from './engine/step/wait-requests.js';
export type { InputChoice, InputField, InputOption, InputType } from './core/run/wait-spec.js';
export {
  appendContext,
  currentAttempt,
  currentStep,
  deleteContext,
  getContext,
  hasContext,
  incrementContext,
  mergeContext,
  once,
  parallelOk,
  parallelResult,
  parallelResults,
  putContext,
  scheduledTime,
  stepSignal,
  updateContext,
  workflowId,
  workflowInput,
} from './engine/step/step-functions.js';
export { stepManager } from './workflows/step-manager.js';
export { days, hours, minutes, seconds } from './core/time/duration.js';
export {
  endOfDay,
  nextBusinessDay,
  nextWeekday,
  type DayOptions,
  type HourOptions,
  type Weekday,
} from './core/time/dates.js';
export {
  finish,
  goto,
  unwrap,
  type CompensationInfo,
  type Finish,
  type Goto,
  type ItemContext,
  type ParallelResults,
  type SettledResult,
} from './core/run/results.js';
export {
  workflowGraph,
  type GraphEdge,
  type GraphEdgeKind,
  type GraphNode,
  type GraphNodeKind,
  type WorkflowGraph,
} from './core/definition/definition-graph.js';
export { toMermaid } from './core/definition/definition-mermaid.js';
export type {
  BranchNode,
  CompensationNode,
  DecisionNode,
  ForEachNode,
  NodeKind,
  ParallelNode,
  RetryPolicy,
  Sequence,
  StepNode,
  StepSettings,
  WorkflowDefinition,
  WorkflowNode,
} from './core/definition/definition.js';
export type { StoredError } from './core/errors/stored-error.js';
export { ExecutionNotFinishedError, MailboxFullError, TransactionFailedError } from './core/errors/errors-client.js';
export { StepUsageError } from './core/errors/errors-usage.js';
export * from './core/errors/errors.js';
