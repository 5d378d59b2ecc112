import { FatalError, StepTimeoutError } from '../../core/errors/errors.js';
import { errorOf } from '../../core/text-of.js';
import type { RegisteredWorkflow } from '../ports/registry.js';
import type { DatabaseClock } from '../time/clock.js';
import type { Timer } from '../time/long-timer.js';
import { type AttemptResult, type AttemptSpec, failedAttempt, type Settled } from './attempt.js';
import type { StepScope } from './scope.js';
import type { Suspension } from './waits.js';

/** Who may end an attempt from outside. */
export interface Ending {
  /** Tells why the attempt is given up, when it is; at once where it has been. In the place of whoever was to be told before. */
  whenGivenUp(listener: { givenUp(reason: Error): void }): void;
}

/** Who is told of the end, once; never while the pass begins. */
interface PassListener {
  ended(result: AttemptResult): void;
  /** The engine itself has failed there. */
  broken(error: unknown): void;
}

/**
 * One pass of an attempt: calls the method, limits its time, brings what it returned or threw into its stored form.
 * Whatever comes first is its end: given up, the method may run on, and nothing it does counts any more. No promise is
 * made but the method's own, and what follows it: there are as many passes as there are runs in flight.
 */
export class AttemptPass {
  private begun = 0;
  private timer: Timer | null = null;
  private isOver = false;

  constructor(
    private readonly workflow: RegisteredWorkflow,
    private readonly spec: AttemptSpec,
    private readonly scope: StepScope,
    private readonly clock: DatabaseClock,
    private readonly listener: PassListener,
  ) {}

  /** @param spent ms that earlier passes of this attempt have taken */
  begin(ending: Ending, spent: number): void {
    const { scope, spec } = this;
    this.begun = performance.now() - spent;
    ending.whenGivenUp(this);
    // Before it began: its code must not.
    if (scope.isGivenUp) return;
    scope.waits?.whenSuspended(this);
    // Before its code, whose own time counts: by the clock of the workflows, which may be another than the process's.
    if (spec.timeout !== null) this.limit(spec.timeout, spent);
    scope
      .run(() => invoke(this.workflow, spec))
      .then(
        (value) => this.returned(value),
        (error: unknown) => this.threw(error),
      );
  }

  givenUp(reason: Error): void {
    // Whoever gives it up has more to do with it first.
    if (this.isFirst()) queueMicrotask(() => this.fail(reason));
  }

  suspended(how: Suspension): void {
    if (!this.isFirst()) return;
    this.scope.drop();
    this.scope.trace?.end('waiting');
    this.end({ status: 'suspended', how, durationMs: this.elapsed() });
  }

  private limit(timeout: number, spent: number): void {
    this.timer = this.clock.timer(() => {
      const error = new StepTimeoutError(this.spec.name, timeout);
      this.scope.giveUp(error);
      this.threw(error);
    });
    this.timer.start(Math.max(0, timeout - spent));
  }

  private returned(value: unknown): void {
    if (!this.isFirst()) return;
    const { scope, spec } = this;
    let settled: Settled;
    try {
      // The returned value may have code of its own: toJSON, getters.
      settled = scope.run(() => spec.settle(value, scope));
    } catch (error) {
      return this.fail(error);
    }
    scope.drop();
    scope.trace?.end('completed');
    this.end({ status: 'completed', ...settled, durationMs: this.elapsed() });
  }

  private threw(error: unknown): void {
    if (this.isFirst()) this.fail(error);
  }

  private fail(error: unknown): void {
    const { scope, spec, workflow } = this;
    let result: AttemptResult;
    try {
      scope.drop();
      scope.abort(errorOf(error));
      scope.trace?.end('failed', error);
      result = scope.run(() => failedAttempt(workflow, spec, scope.attempt, error, this.elapsed()));
    } catch (fault) {
      return this.listener.broken(fault);
    }
    this.end(result);
  }

  private isFirst(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.timer?.clear();
    return true;
  }

  private end(result: AttemptResult): void {
    const { logged } = this.scope;
    this.listener.ended(logged === null ? result : { log: logged, ...result });
  }

  private elapsed(): number {
    return Math.round(performance.now() - this.begun);
  }
}

/** The same as a promise, for those who wait for it in their course. */
export function runAttempt(
  workflow: RegisteredWorkflow,
  spec: AttemptSpec,
  scope: StepScope,
  ending: Ending,
  clock: DatabaseClock,
  spent = 0,
): Promise<AttemptResult> {
  return new Promise((ended, broken) => {
    new AttemptPass(workflow, spec, scope, clock, { ended, broken }).begin(ending, spent);
  });
}

/** A promise of the attempt's own: should the method return a thenable, its `then` is called in there too. */
function invoke(workflow: RegisteredWorkflow, spec: AttemptSpec): Promise<unknown> {
  try {
    const method: unknown = Reflect.get(workflow.instance, spec.member);
    if (typeof method !== 'function') throw new FatalError(`${workflow.definition.name} has no method ${spec.member}`);
    return Promise.resolve(Reflect.apply(method, workflow.instance, spec.args()) as unknown);
  } catch (error) {
    return Promise.reject(error);
  }
}
