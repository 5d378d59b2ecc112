/**
 * A workflow as plain data: a tree of nodes with no functions in it. Decorators are turned into
 * this at boot; the interpreter, the graph, the stored definition and the command line read it.
 */

/** Retry of a failed attempt, every field filled in; `retryIf` lives with the class, not here. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
  readonly backoff: 'exponential' | 'linear' | 'constant';
  /** ms */
  readonly initialDelay: number;
  /** ms */
  readonly maxDelay: number;
  readonly factor: number;
  /** ±25 % */
  readonly jitter: boolean;
}

/** Settings of a member that runs user code. */
export interface StepSettings {
  readonly retry: RetryPolicy;
  /** ms for one attempt; `null`: no limit. */
  readonly timeout: number | null;
  /** Name of the compensation that undoes this step. */
  readonly compensate: string | null;
  readonly compensateWhen: 'completed' | 'started';
  /** Queue whose workers run the step; `null`: wherever the run is. */
  readonly queue: string | null;
  readonly transactional: boolean;
}

interface NodeBase {
  /** Unique in the workflow; part of the path of everything recorded. */
  readonly name: string;
  /** The method on the class. */
  readonly member: string;
  readonly settings: StepSettings;
}

/** A `@Step()`. */
export interface StepNode extends NodeBase {
  readonly kind: 'step';
}

/** A `@Decision()`. */
export interface DecisionNode extends NodeBase {
  readonly kind: 'decision';
  readonly goto: readonly string[];
  readonly maxVisits: number;
}

/** A `@Branch()` with its arms by key. */
export interface BranchNode extends NodeBase {
  readonly kind: 'branch';
  readonly arms: Readonly<Record<string, Sequence>>;
}

/** A `@Parallel()` with its arms by key. */
export interface ParallelNode extends NodeBase {
  readonly kind: 'parallel';
  readonly arms: Readonly<Record<string, Sequence>>;
  readonly onError: 'failFast' | 'completeAll';
  /** Arms at a time; `null`: all. */
  readonly concurrency: number | null;
  readonly goto: readonly string[];
}

/** A `@ForEach()` with its arm. */
export interface ForEachNode extends NodeBase {
  readonly kind: 'forEach';
  readonly arm: Sequence;
  readonly onError: 'failFast' | 'completeAll';
  readonly concurrency: number;
  readonly results: 'all' | 'none';
}

/** A member that stands in a sequence. */
export type WorkflowNode = StepNode | DecisionNode | BranchNode | ParallelNode | ForEachNode;
/** Kind of a member, by its decorator. */
export type NodeKind = WorkflowNode['kind'];
/** Members that run one after the other. */
export type Sequence = readonly WorkflowNode[];

/** A `@Compensate()`, which stands in no sequence. */
export interface CompensationNode {
  readonly name: string;
  readonly member: string;
  readonly retry: RetryPolicy;
  /** ms that one attempt may take; null: no limit. */
  readonly timeout: number | null;
  /** Its record is part of the transaction that `stepManager()` gives. */
  readonly transactional: boolean;
}

/** Limit of runs of one key (of the workflow, where it has no keys) that have a place at a time, across all processes. */
export interface ConcurrencyLimit {
  readonly limit: number;
  /** 'working': a run gives its place back whenever no worker has it; 'run': when it has ended. */
  readonly hold: 'working' | 'run';
}

/** Definition of a workflow, as it is stored. */
export interface WorkflowDefinition {
  readonly name: string;
  readonly description: string | null;
  readonly queue: string;
  readonly priority: number;
  /** ms from the first claim; `null`: no limit. */
  readonly timeout: number | null;
  /** Further rounds after a failed one. */
  readonly maxRetries: number;
  readonly maxRecoveries: number;
  readonly concurrency: ConcurrencyLimit | null;
  readonly nodes: Sequence;
  readonly compensations: readonly CompensationNode[];
}

export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 1,
  backoff: 'exponential',
  initialDelay: 1_000,
  maxDelay: 3_600_000,
  factor: 2,
  jitter: true,
};

export const DEFAULT_SETTINGS: StepSettings = {
  retry: DEFAULT_RETRY,
  timeout: null,
  compensate: null,
  compensateWhen: 'completed',
  queue: null,
  transactional: false,
};
