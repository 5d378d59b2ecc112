import type { Finish, Goto, ParallelResults } from '../core/run/results.js';

/** Any method, as far as a decorator cares: what it takes and gives is between the members. */
export type Method = (...args: never[]) => unknown;

/** An arm: a member's name, or the names of members that run one after the other. */
export type Arm<C extends string = string> = C | readonly C[];

/** Arms by key. */
export type BranchArms<C extends string = string> = Readonly<Record<string, Arm<C>>>;

/** Arms by key; an array of member names is short for arms whose keys are those names. */
export type ParallelArms<C extends string = string> = BranchArms<C> | readonly C[];

/** Retry of a failed attempt. A backoff holds no worker; it and the count of attempts survive a restart. */
export interface RetryOptions {
  /** Attempts in all, the first included; at least 1. Default: 1. */
  maxAttempts?: number;
  /**
   * Growth of the delay after attempt n = 1, 2, …: `'exponential'` is `initialDelay × factor^(n-1)`, `'linear'` is
   * `initialDelay × n`, `'constant'` is `initialDelay`. Default: `'exponential'`.
   */
  backoff?: 'exponential' | 'linear' | 'constant';
  /** Delay after the first attempt, in ms. Default: 1000. */
  initialDelay?: number;
  /** Longest delay, in ms. Default: 3 600 000 (an hour). */
  maxDelay?: number;
  /** Growth of an exponential delay, each time; at least 1. Default: 2. */
  factor?: number;
  /** Moves each delay by up to ±25 %, so that runs that failed together don't come back together. Default: true. */
  jitter?: boolean;
  /**
   * Is asked with the live error whether another attempt is worth it; `false` ends the attempts. It answers at once: a promise
   * is a mistake, which fails the run. Default: always.
   */
  retryIf?: (error: unknown) => boolean;
}

/** Options of every member that runs code. */
export interface MemberOptions {
  /** Name in records, paths and the graph, at most 200 characters. Default: the method's name. */
  name?: string;
  /** Retry of a failed attempt. Default: none (`maxAttempts: 1`). */
  retry?: RetryOptions;
  /** Longest time for one attempt, in ms; time spent waiting is not counted. Default: no limit. */
  timeout?: number;
}

/** Options of `@Step()`. */
export interface StepOptions<C extends string = string> extends MemberOptions {
  /** The `@Compensate()` method that undoes this step when the run fails later on. Default: none. */
  compensate?: C;
  /**
   * `'completed'`: undone when it had completed. `'started'`: the intent is recorded before the body runs, so that a
   * step that failed, timed out, was aborted or lost with its worker is undone too. Default: `'completed'`.
   */
  compensateWhen?: 'completed' | 'started';
  /** The queue whose workers run this step, under a lease of its own. Default: the run's worker runs it. */
  queue?: string;
  /**
   * The step's record is written in the transaction that `stepManager()` gives, so that its writes and its record
   * commit together or not at all. Needs `database: { dataSource }`. Default: false.
   */
  transactional?: boolean;
}

/** Options of `@Decision()`: a step's, and its jumps. */
export interface DecisionOptions<C extends string = string, G extends string = string> extends StepOptions<C> {
  /** The members that the method may jump to; the compiler refuses others, and the graph draws them. Default: none. */
  goto?: readonly G[];
  /** Most visits of one run to this member, which ends a jump in circles; at least 1. Default: 1000. */
  maxVisits?: number;
}

/** Options of `@Parallel()`. */
export interface ParallelOptions<G extends string = string> extends MemberOptions {
  /**
   * `'failFast'`: the first failure aborts the other arms and fails the fan-out. `'completeAll'`: all arms finish,
   * and the collector gets failures and values alike. Default: `'failFast'`.
   */
  onError?: 'failFast' | 'completeAll';
  /** Arms that run at a time; one that waits has no place. Default: all. */
  concurrency?: number;
  /** The members that the collector may jump to. Default: none. */
  goto?: readonly G[];
}

/** Options of `@ForEach()`. */
export interface ForEachOptions extends MemberOptions {
  /**
   * `'failFast'`: the first failure aborts the other items and fails the loop. `'completeAll'`: all items finish.
   * Default: `'failFast'`.
   */
  onError?: 'failFast' | 'completeAll';
  /** Items that run at a time; one that waits has no place. Default: 10. */
  concurrency?: number;
  /** `'none'` leaves `__results__` out of the data, for loops over very many items. Default: `'all'`. */
  results?: 'all' | 'none';
}

/** Options of `@Compensate()`: as for a step. */
export interface CompensateOptions extends MemberOptions {
  /**
   * The record of the undoing is written in the transaction that `stepManager()` gives, so that its writes and its record
   * commit together or not at all: undone exactly once. Needs `database: { dataSource }`. Default: false.
   */
  transactional?: boolean;
}

/** Concurrency limit of a workflow, across all nodes. */
export interface ConcurrencyOptions<K = Record<string, unknown>> {
  /**
   * Key of a run, from its input: a string, a number, a bigint or a boolean; each key has the limit to itself. Default:
   * all runs of the workflow count together.
   */
  key?: (input: K) => unknown;
  /** Runs that have a place at a time; a whole number from 1. */
  limit: number;
  /**
   * `'working'`: a run has its place while a worker has it, and gives it back while it waits or backs off, so that others of
   * its key begin meanwhile. `'run'`: a run keeps its place from its first step until it has ended, through waits, retry
   * delays, pauses, rounds, crashes and its rollback. Default: `'working'`.
   */
  hold?: 'working' | 'run';
}

/** Options of `@Workflow()`. */
export interface WorkflowOptions<D extends object = object, K = Record<string, unknown>> {
  /** Name in the database and for the client. Default: the class name in snake_case without the suffix `Workflow`. */
  name?: string;
  /** Queue of the runs. Default: `'default'`. */
  queue?: string;
  /** Higher runs first; a whole number. Default: 0. */
  priority?: number;
  /** Longest time from the first claim over everything but the rollback, in ms. Default: no limit. */
  timeout?: number;
  /**
   * Further rounds of a failed run: it is rolled back and started again from its input, same id. The events that the
   * failed round took are given back, in order; inputs are asked for anew. Default: 0.
   */
  maxRetries?: number;
  /** Deaths of a worker in a row, with nothing recorded in between, after which the run fails. Default: 10. */
  maxRecoveries?: number;
  /**
   * A class-validator class that the input is checked against, by `start` and at the first claim. An instance of it is
   * checked as it is; a plain object is right with the class's `@Transform()`s applied or without. The steps get the input
   * as it was given. Default: any object.
   */
  input?: new (...args: never[]) => D;
  /** At most `limit` runs of this workflow at a time, across all nodes; with `key`, for each key. Default: no limit. */
  concurrency?: ConcurrencyOptions<K>;
  /** The module instance that runs it (`DurableModule.forRoot({ name })`). Default: `'default'`. */
  instance?: string;
  /** A sentence for people, shown in lists. Default: none. */
  description?: string;
}

/** Options of `@Schedule()`. */
export interface ScheduleOptions {
  /** Five or six fields (seconds first), names such as `MON-FRI`, or `@daily`; at most 256 characters. */
  cron: string;
  /** IANA name of the time zone that `cron` is read in. Default: `'UTC'`. */
  timezone?: string;
  /** Name of the schedule. Default: the workflow's name. */
  name?: string;
  /** Input of the runs. Default: `{}`. */
  input?: object;
  /** Queue of the runs. Default: the workflow's. */
  queue?: string;
  /** Counts only when the schedule is first stored; afterwards the database's value wins. Default: true. */
  enabled?: boolean;
  /** `'skip'`: no run starts while the one before is unfinished. Default: `'allow'`. */
  overlap?: 'allow' | 'skip';
  /** Due times missed while no process ran: the latest, all or none of them are caught up. Default: `'latest'`. */
  catchUp?: 'latest' | 'all' | 'none';
  /** Age in ms beyond which a missed time is not caught up. Default: a day. */
  catchUpWindow?: number;
  /** Most runs caught up at once with `catchUp: 'all'`. Default: 100. */
  catchUpLimit?: number;
}

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The names in an arm, or in a set of arms; of `any`, which is left to the boot to check, none. */
export type MemberOf<A> =
  IsAny<A> extends true
    ? never
    : A extends string
      ? A
      : A extends readonly (infer N extends string)[]
        ? N
        : MemberOf<A[keyof A]>;

/** The value of a method once its promise is settled. */
export type Output<M> = M extends (...args: never[]) => infer R ? Awaited<R> : never;

type JumpsOf<R> = R extends Goto<infer N> ? N : never;

/** The members that a method's return type says it may jump to. */
export type GotoTargets<M> = IsAny<Output<M>> extends true ? never : JumpsOf<Output<M>>;

type EndsOf<R> = R extends Finish ? true : never;

/** `never` unless the method's return type says that it may end the run. */
export type Finishes<M> = IsAny<Output<M>> extends true ? never : EndsOf<Output<M>>;

/** Nothing when every target is in `G`; else a type that no method has, whose name is the message. */
export type OnlyGoto<M, G extends string> = [GotoTargets<M>] extends [G]
  ? unknown
  : { 'goto() a member that the decorator does not declare in `goto`': Exclude<GotoTargets<M>, G> };

/** Nothing when the method neither jumps nor ends the run; else a type that no method has. */
export type NoJump<M> = [GotoTargets<M>, Finishes<M>] extends [never, never]
  ? unknown
  : { 'only @Decision() and @Parallel() may return goto() or finish()': true };

/** The keys of arms with the names in each. */
type ArmTable<A> = A extends readonly string[] ? { [N in A[number]]: N } : A;

/** The type of the method's first parameter; `never` where it has none. */
type DataOf<M> = M extends (data: infer D, ...rest: never[]) => unknown ? (unknown extends D ? never : D) : never;

/**
 * The data as a member leaves it. A return of nothing leaves it as the member got it. What is no object is a
 * selector's (a branch's key, a loop's items), and the types cannot tell what the data is then: `never`, which fits
 * whatever the collector expects.
 */
type Leaves<T, N> = N extends keyof T
  ? IsAny<Output<T[N]>> extends true
    ? never
    : LeavesOf<Exclude<Output<T[N]>, Goto<string> | Finish>, DataOf<T[N]>>
  : never;

type LeavesOf<R, D> = R extends void | undefined
  ? D
  : R extends readonly unknown[]
    ? never
    : R extends object
      ? R
      : never;

type LastOf<A> = A extends readonly [...unknown[], infer L] ? L : A;

/** The results that the collector of arms `A` on class `T` is called with. */
export type ResultsOf<T, A> = ParallelResults<{ [K in keyof ArmTable<A>]: Leaves<T, LastOf<ArmTable<A>[K]>> }>;

/** Nothing when the collector's second parameter takes what the arms give; else a type that no method has. */
export type TakesResults<M, T, A> =
  IsAny<A> extends true
    ? unknown
    : M extends (data: never, results: infer P, ...rest: never[]) => unknown
      ? [ResultsOf<T, A>] extends [P]
        ? unknown
        : { 'the collector expects other results than its arms give, which are': ResultsOf<T, A> }
      : unknown;
