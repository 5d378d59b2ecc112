import { WaitInOnceError, WaitInTransactionError } from '../../core/errors/errors.js';
import { StepUsageError } from '../../core/errors/errors-usage.js';
import { never } from './pass-turns.js';
import type { StepContext } from './context.js';
import { currentOnce, currentScope, type StepScope } from './scope.js';
import type { PassWaits } from './waits.js';

/**
 * The link from the functions of a step to the attempt that the calling code belongs to. Outside of one they throw
 * NotInStepError, in one that was given up AttemptClosedError. In one that was dropped (its pass was suspended, or it is
 * over) code that still runs does no harm: reads give what the pass saw (`currentScope`), writes are ignored, and
 * promises never settle.
 *
 * None of the promises given here ends the process by a rejection that nobody has looked at (yet).
 */

/** Writes to the run's data. */
export function writing(caller: string, write: (context: StepContext) => void): void {
  const scope = currentScope(caller);
  if (scope.isOpen) write(scope.context);
}

/** Something asynchronous. */
export function asking<T>(caller: string, ask: (scope: StepScope) => Promise<T>): Promise<T> {
  const promise = whileOpen(caller, ask);
  promise.catch(ignore);
  return promise;
}

/**
 * A wait. The step is told if nobody ever looks at its promise. `on`: what is waited for, as the caller named it.
 * @throws WaitInTransactionError, WaitInOnceError, StepUsageError
 */
export function waiting<T>(
  caller: string,
  on: unknown,
  ask: (waits: PassWaits, scope: StepScope) => Promise<unknown>,
): Promise<T> {
  let forget = ignore;
  const asked = whileOpen(caller, (scope) => {
    const call = { call: `${caller}(${named(on)})` };
    scope.unawaited.add(call);
    forget = () => void scope.unawaited.delete(call);
    return ask(waitsIn(scope, caller), scope);
  });
  return new WaitPromise<T>(asked as Promise<T>, caller, forget);
}

/** Never settles where the attempt was dropped meanwhile. @throws AttemptClosedError where it was given up */
export async function stillOpen(caller: string): Promise<void> {
  if (!currentScope(caller).isOpen) await never();
}

async function whileOpen<T>(caller: string, ask: (scope: StepScope) => Promise<T>): Promise<T> {
  const scope = currentScope(caller);
  if (!scope.isOpen) return never();
  try {
    const value = await ask(scope);
    return isDropped(scope) ? await never() : value;
  } catch (error) {
    if (isDropped(scope)) return never();
    throw error;
  }
}

function isDropped(scope: StepScope): boolean {
  return !scope.isOpen && !scope.isGivenUp;
}

function waitsIn(scope: StepScope, caller: string): PassWaits {
  if (scope.manager !== null) throw new WaitInTransactionError(caller, scope.step);
  if (scope.waits === null) {
    throw new StepUsageError(
      'WAIT_IN_COMPENSATION',
      `${caller}() was called in compensation "${scope.step}": a rollback does not wait. Retry instead (@Compensate({ retry })).`,
    );
  }
  const once = currentOnce();
  if (once !== null) throw new WaitInOnceError(caller, once, scope.step);
  return scope.waits;
}

/** Knows whether somebody awaits it, or hands it on to `Promise.race` and the like: all of them call `then`. */
class WaitPromise<T> extends Promise<T> {
  private readonly looked: (() => void) | undefined;
  private settled = false;

  /** `then` and the like return plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(
    asked: Promise<T>,
    private readonly caller: string,
    looked: () => void,
  ) {
    super((resolve) => resolve(asked));
    const settled = (): void => void (this.settled = true);
    super.then(settled, settled);
    this.looked = looked;
  }

  // A promise that knows whether anybody looks at it.
  // oxlint-disable-next-line no-thenable
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.looked?.();
    const once = currentOnce();
    if (once === null || this.settled) return super.then(fulfilled, rejected);
    // Nothing is given while the once() is recorded, which would wait for this: both would stand still.
    const refused = new WaitInOnceError(this.caller, once, currentScope(this.caller).step);
    return Promise.reject(refused).then(fulfilled, rejected);
  }
}

function named(on: unknown): string {
  if (typeof on === 'string') return `"${on}"`;
  try {
    return Array.isArray(on) ? on.flatMap((one) => (typeof one === 'string' ? [`"${one}"`] : [])).join(', ') : '';
  } catch {
    // A proxy that does not say what it is: the call refuses it.
    return '';
  }
}

function ignore(): void {}
